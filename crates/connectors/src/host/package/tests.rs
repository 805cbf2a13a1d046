use serde_json::json;

use super::*;

struct Stage {
    dir: PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Stage {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("ledger-packages-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self { dir }
    }

    fn packages(&self) -> Packages {
        Packages::at(self.dir.join("adapters"))
    }

    fn source(&self, version: &str, script: &str) -> PathBuf {
        let source = self.dir.join(format!("source-{version}"));
        fs::create_dir_all(source.join("bin")).unwrap();
        let manifest = json!({
            "name": "mail", "version": version, "protocol": 1, "description": "Mails.",
            "executable": "bin/run", "capabilities": ["open"],
        });
        fs::write(source.join(MANIFEST), manifest.to_string()).unwrap();
        fs::write(source.join("bin/run"), script).unwrap();
        source
    }
}

#[test]
fn a_package_is_installed_upgraded_and_rolled_back() {
    let stage = Stage::new("upgrade");
    let packages = stage.packages();
    assert!(matches!(packages.open("mail"), Err(PackageError::Unknown(_))));
    let first = packages.install(&stage.source("1.0.0", "one")).unwrap();
    let second = packages.install(&stage.source("1.1.0", "two")).unwrap();
    assert_ne!(first.digest, second.digest);
    assert_eq!(packages.open("mail").unwrap().manifest.version, "1.0.0", "an upgrade is a decision");
    packages.pin("mail", "1.1.0").unwrap();
    assert_eq!(packages.open("mail").unwrap(), second);
    packages.pin("mail", "1.1.0").unwrap();
    assert_eq!(packages.rollback("mail").unwrap(), first);
    assert!(matches!(packages.rollback("mail"), Err(PackageError::Package(_))));
    assert!(matches!(packages.pin("mail", "9.0.0"), Err(PackageError::Unknown(_))));
    assert_eq!(packages.list().unwrap()["mail"].installed.len(), 2);
}

#[test]
fn a_version_never_changes() {
    let stage = Stage::new("changes");
    let packages = stage.packages();
    let installed = packages.install(&stage.source("1.0.0", "one")).unwrap();
    assert_eq!(packages.install(&stage.source("1.0.0", "one")).unwrap(), installed, "again is as once");
    assert!(matches!(packages.install(&stage.source("1.0.0", "other")), Err(PackageError::Changed { .. })));
    let script = stage.dir.join("adapters/mail/1.0.0/bin/run");
    fs::remove_file(&script).unwrap();
    fs::write(&script, "evil").unwrap();
    assert!(matches!(packages.open("mail"), Err(PackageError::Tampered { .. })));
    fs::write(&script, "one").unwrap();
    packages.open("mail").unwrap();
    fs::write(stage.dir.join("adapters/mail/1.0.0/more"), "").unwrap();
    assert!(
        matches!(packages.open("mail"), Err(PackageError::Tampered { .. })),
        "a file more is another package"
    );
}

#[test]
fn what_is_no_package_is_refused() {
    let stage = Stage::new("refused");
    let packages = stage.packages();
    let source = stage.source("1.0.0", "one");
    std::os::unix::fs::symlink("/etc/passwd", source.join("link")).unwrap();
    assert!(matches!(packages.install(&source), Err(PackageError::Package(_))));
    fs::remove_file(source.join("link")).unwrap();
    fs::remove_file(source.join("bin/run")).unwrap();
    assert!(matches!(packages.install(&source), Err(PackageError::Package(_))));
    fs::remove_file(source.join(MANIFEST)).unwrap();
    assert!(matches!(packages.install(&source), Err(PackageError::Package(_))));
    assert!(packages.list().unwrap().is_empty());
}
