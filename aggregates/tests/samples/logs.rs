//! The events of what every log begins with: its tenant, keys, credentials and frameworks.

use super::*;

/// The events.
pub fn all() -> Vec<AnyEvent> {
    [tenants(), keys(), credentials(), frameworks()].concat()
}

fn tenants() -> Vec<AnyEvent> {
    let onboarded: TenantEvent = TenantOnboarded {
        slot: 3,
        genesis: HashText::new("g".repeat(43)).unwrap(),
        checkpoint_vkey: VkeyText::new("ledger.example/t-1+11639dd4+AQOhB7_example").unwrap(),
        region: Region::new("eu-central").unwrap(),
        display_name: text("Example Ltd"),
        contact: Personal::of(SubjectId::new("subject-1").unwrap(), Contact("a@example.org".into())),
    }
    .into();
    let renamed: TenantEvent = TenantRenamed { display_name: text("Example plc") }.into();
    let suspended: TenantEvent = TenantSuspended { reason: SuspendReason::Security }.into();
    let resumed: TenantEvent = TenantResumed {}.into();
    [onboarded, renamed, suspended, resumed].map(AnyEvent::from).to_vec()
}

fn keys() -> Vec<AnyEvent> {
    let predecessor = Predecessor {
        origin: OriginName::new("ledger.example/t-1").unwrap(),
        size: 70_000,
        root: HashBase64::new(format!("{}=", "r".repeat(43))).unwrap(),
    };
    let genesis: KeyEvent = KeyGenesis {
        origin: OriginName::new("ledger.example/t-1/e2").unwrap(),
        key: public_key('A'),
        kid: kid(1),
        checkpoint_vkey: VkeyText::new("ledger.example/t-1/e2+11639dd4+AQOhB7_example").unwrap(),
        predecessor: Some(predecessor),
    }
    .into();
    let rotated: KeyEvent = KeyRotated {
        old_kid: kid(1),
        key: public_key('B'),
        kid: kid(2),
        proof: SignatureText::new(format!("{}==", "S".repeat(86))).unwrap(),
    }
    .into();
    let revoked: KeyEvent = KeyRevoked { kid: kid(1), reason: RevokedKeyReason::Retired }.into();
    let disputed: KeyEvent =
        KeyDisputed { kid: kid(1), from_index: 17, to_index: 4_294_967_296, reason: DisputeReason::Clock }
            .into();
    [genesis, rotated, revoked, disputed].map(AnyEvent::from).to_vec()
}

fn credentials() -> Vec<AnyEvent> {
    let issued: CredentialEvent = CredentialIssued {
        role: Role::Probe,
        environment: Environment::Live,
        expires_at: Some(time("2026-06-01")),
        probe: Some(ProbeId::new("host-1").unwrap()),
        request_key: public_key('A'),
        label: text("probe of db-1"),
    }
    .into();
    let rotated: CredentialEvent = CredentialRotated {
        generation: 1,
        overlap_until: time("2026-03-02"),
        expires_at: Some(time("2026-09-01")),
        request_key: public_key('B'),
    }
    .into();
    let revoked: CredentialEvent = CredentialRevoked { reason: RevokeReason::Compromised }.into();
    let expired: CredentialEvent = CredentialExpired { expired_at: time("2026-09-01") }.into();
    [issued, rotated, revoked, expired].map(AnyEvent::from).to_vec()
}

fn frameworks() -> Vec<AnyEvent> {
    let id = |id: &str| ControlId::new(id).unwrap();
    let title = |title: &str| PublishedTitle::new(title).unwrap();
    let imported: FrameworkEvent = FrameworkImported {
        version: Version::new("5.1.1+u4").unwrap(),
        title: title("NIST Special Publication 800-53 Revision 5.1.1 LOW IMPACT BASELINE"),
        source: FrameworkSource::Oscal,
        controls: 149,
        groups: vec![CatalogGroup { id: id("ac"), title: title("Access Control") }],
        cadence_seconds: Some(86_400),
    }
    .into();
    let added: FrameworkEvent = FrameworkControlsAdded {
        controls: vec![CatalogControl {
            id: id("ac-2.1"),
            title: title("Automated System Account Management"),
            parent: Some(id("ac-2")),
            group: Some(id("ac")),
            cadence_seconds: Some(3_600),
            maps_to: vec![ControlRef::new("starter", "access-1").unwrap()],
        }],
        prose: Confidential::of(json!({ "ac-2.1": { "statement": "Support accounts.", "guidance": "" } })),
    }
    .into();
    let withdrawn: FrameworkEvent = FrameworkControlsWithdrawn { controls: vec![id("ac-99")] }.into();
    [imported, added, withdrawn].map(AnyEvent::from).to_vec()
}
