//! Landlock: nothing may be opened, or only what is declared.
//!
//! The crate's best-effort mode drops what a kernel does not know, down to no protection at all. Here the newest
//! version that the kernel has is looked for, every right of that version is handled under a hard requirement, and
//! the answer must be `FullyEnforced`.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use crate::confine::Profile;

/// Newest first. Files are bound since version 1, TCP since 4, abstract sockets and signals since 6.
const VERSIONS: [(u8, ABI); 6] =
    [(6, ABI::V6), (5, ABI::V5), (4, ABI::V4), (3, ABI::V3), (2, ABI::V2), (1, ABI::V1)];

/// Restricts the calling thread and all that it starts; says which version's rights are all enforced.
pub(crate) fn restrict(profile: &Profile) -> Result<u8, String> {
    let mut refusal = String::new();
    for (version, abi) in VERSIONS {
        match restrict_with(abi, profile) {
            Ok(RulesetStatus::FullyEnforced) => return Ok(version),
            Ok(status) => return Err(format!("the kernel enforces it {status:?} only")),
            Err(error) => refusal = error.to_string(),
        }
    }
    Err(refusal)
}

fn restrict_with(abi: ABI, profile: &Profile) -> Result<RulesetStatus, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    let net = AccessNet::from_all(abi);
    if !net.is_empty() {
        ruleset = ruleset.handle_access(net)?;
    }
    let scope = Scope::from_all(abi);
    if !scope.is_empty() {
        ruleset = ruleset.scope(scope)?;
    }
    let mut created = ruleset.create()?;
    if let Profile::Foreign { readable } = profile {
        for path in readable {
            // A declared path that is not there grants nothing.
            if let Ok(file) = PathFd::new(path) {
                created = created.add_rule(PathBeneath::new(file, rights(path)))?;
            }
        }
    }
    Ok(created.restrict_self()?.ruleset)
}

/// Read and execute; a file has no entries to list.
fn rights(path: &Path) -> BitFlags<AccessFs> {
    let file = AccessFs::Execute | AccessFs::ReadFile;
    if path.is_dir() { file | AccessFs::ReadDir } else { file }
}
