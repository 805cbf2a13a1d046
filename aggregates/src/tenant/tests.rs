use ledger::ids::SubjectId;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Invalid, NotFound};
use crate::schema::{Confidential, Personal};
use crate::testing::given;
use crate::values::{HashText, Region, SuspendReason, VkeyText};

fn onboard() -> OnboardTenant {
    OnboardTenant {
        slot: 3,
        genesis: HashText::new("A".repeat(43)).unwrap(),
        checkpoint_vkey: VkeyText::new("ledger.example/t+00000000+AQ").unwrap(),
        region: Region::new("eu-central").unwrap(),
        display_name: "Example".into(),
        contact: Some((SubjectId::new("subject-1").unwrap(), "a@example.org".into())),
    }
}

fn onboarded() -> TenantEvent {
    let o = onboard();
    let (subject, text) = o.contact.unwrap();
    TenantOnboarded {
        slot: o.slot,
        genesis: o.genesis,
        checkpoint_vkey: o.checkpoint_vkey,
        region: o.region,
        display_name: Confidential::of(o.display_name),
        contact: Personal::of(subject, Contact(text)),
    }
    .into()
}

fn suspended(reason: SuspendReason) -> TenantEvent {
    TenantSuspended { reason }.into()
}

#[test]
fn a_tenant_is_onboarded_once() {
    let command = TenantCommand::Onboard(Box::new(onboard()));
    given::<Tenant>([]).when(&command).then([onboarded()]);
    given::<Tenant>([onboarded()]).when(&command).then_refused(Conflict, "tenant-exists", "");
    let nameless = OnboardTenant { display_name: String::new(), ..onboard() };
    given::<Tenant>([]).when(&TenantCommand::Onboard(Box::new(nameless))).then_refused(
        Invalid,
        "tenant-name",
        "/display_name",
    );
}

#[test]
fn a_tenant_is_renamed_suspended_and_resumed() {
    let rename = |name: &str| TenantCommand::Rename { display_name: name.into() };
    let renamed = TenantRenamed { display_name: Confidential::of("New".into()) };
    given::<Tenant>([onboarded()]).when(&rename("New")).then([renamed.into()]);
    given::<Tenant>([onboarded()]).when(&rename(&"x".repeat(201))).then_refused(
        Invalid,
        "tenant-name",
        "/display_name",
    );
    given::<Tenant>([]).when(&rename("New")).then_refused(NotFound, "tenant-unknown", "");

    let suspend = |reason| TenantCommand::Suspend { reason };
    let security = SuspendReason::Security;
    given::<Tenant>([onboarded()]).when(&suspend(security)).then([suspended(security)]);
    given::<Tenant>([onboarded(), suspended(security)]).when(&suspend(security)).then_nothing();
    given::<Tenant>([onboarded(), suspended(security)])
        .when(&suspend(SuspendReason::Operator))
        .then([suspended(SuspendReason::Operator)]);
    given::<Tenant>([onboarded()]).when(&TenantCommand::Resume).then_nothing();
    let resumed = TenantEvent::from(TenantResumed {});
    given::<Tenant>([onboarded(), suspended(security)]).when(&TenantCommand::Resume).then([resumed.clone()]);
    let state = given::<Tenant>([onboarded(), suspended(security), resumed]).state();
    assert_eq!(state, TenantState::Active { slot: 3, region: onboard().region });
}
