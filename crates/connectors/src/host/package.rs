//! Packages of custom adapters on this machine: installed, pinned by digest, checked at each start.
//!
//! ```text
//! adapters/packages.json            what is installed and which version is in use, replaced as a whole
//! adapters/<name>/<version>/…       a package, read-only; its files never change
//! ```
//!
//! An upgrade is a decision: installing a second version does not use it, [`Packages::pin`] does, and
//! [`Packages::rollback`] goes back to the one before. A package whose files are not those that were installed is not
//! started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::program::Program;
use super::schema::ConfigSchema;
use crate::child::Foreign;
use crate::manifest::{Manifest, ManifestError, package_digest};

/// The file of a package that says what it is.
pub const MANIFEST: &str = "manifest.json";
/// An adapter is a script or an executable and some templates, not a distribution.
const FILES_MAX: usize = 1_000;
/// All files together, in bytes.
const BYTES_MAX: u64 = 64 << 20;
/// How deep folders may lie in one another.
const DEPTH_MAX: usize = 8;
const INDEX: &str = "packages.json";

/// Why a package is not installed, pinned or started.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The package itself.
    #[error("the package {0}")]
    Package(String),
    /// There is none.
    #[error("there is no package {0}; `ledger adapters list` shows what is installed")]
    Unknown(String),
    /// Another one of this name and version is installed.
    #[error("{name} {version} is installed with other files: a version never changes, raise it")]
    Changed {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    },
    /// Its files are not those that were installed.
    #[error(
        "the files of {name} {version} are not those that were installed (digest {found}, pinned {pinned}): remove its folder and install it again"
    )]
    Tampered {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// The digest that was pinned, hex.
        pinned: String,
        /// The digest of what is there, hex.
        found: String,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> PackageError + '_ {
    move |source| PackageError::Io { path: path.to_owned(), source }
}

/// The versions of one adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Version to the digest of its files, hex.
    pub installed: BTreeMap<String, String>,
    /// The one in use.
    pub pinned: String,
    /// Those that were in use before, the last one last.
    #[serde(default)]
    pub before: Vec<String>,
}

/// The packages of a data directory.
#[derive(Debug, Clone)]
pub struct Packages {
    dir: PathBuf,
}

/// A package whose files are those that were pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The digest of its files, hex.
    pub digest: String,
    dir: PathBuf,
}

impl Package {
    /// The command line of its adapter, launched in the `foreign` profile by this executable. Its files are checked again
    /// at each start of a process.
    ///
    /// # Errors
    /// Its files cannot be laid where the adapter can read them.
    pub fn program(&self, own_executable: PathBuf) -> Result<Program, PackageError> {
        let stage = if runs_as_root() { Some(Arc::new(Stage::copy(&self.dir)?)) } else { None };
        let dir = stage.as_ref().map_or_else(|| self.dir.clone(), |stage| stage.0.clone());
        let readable = self.manifest.readable.iter().map(PathBuf::from).filter(|path| path.exists());
        let foreign = Foreign {
            program: dir.join(&self.manifest.executable),
            arguments: self.manifest.arguments.clone(),
            readable: readable.chain([dir.clone()]).collect(),
            give_up: Vec::new(),
        };
        let intact = Intact { dir, digest: self.digest.clone(), _stage: stage };
        Ok(Program::foreign(own_executable, &foreign).intact(intact))
    }
}

/// Where a program's files lie, and what they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intact {
    dir: PathBuf,
    digest: String,
    _stage: Option<Arc<Stage>>,
}

impl Intact {
    /// Looks at all files again.
    pub(super) fn check(&self) -> io::Result<()> {
        let found = read_files(&self.dir).and_then(|files| check(&files)).map_err(io::Error::other)?.1;
        if found == self.digest {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the package's files have changed: digest {found}, pinned {}",
            self.digest
        )))
    }
}

/// A copy of a package outside the data directory. A sandboxed process of a server that runs as root is `nobody`, who may
/// read nothing below the data directory, and shall not.
#[derive(Debug, PartialEq, Eq)]
struct Stage(PathBuf);

impl Stage {
    fn copy(from: &Path) -> Result<Self, PackageError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let stage = loop {
            let name =
                format!("ledger-adapter-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let dir = std::env::temp_dir().join(name);
            // Made by us or not at all: nobody else can have put something there.
            match fs::DirBuilder::new().mode(0o755).create(&dir) {
                Ok(()) => break Self(dir),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error(&dir)(error)),
            }
        };
        for (name, content) in read_files(from)? {
            let path = stage.0.join(&name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(io_error(folder))?;
            }
            let mode = fs::metadata(from.join(&name)).map_err(io_error(&path))?.permissions().mode();
            write_durably(&path, &content, mode).map_err(io_error(&path))?;
        }
        Ok(stage)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left lies in the folder for temporary files and is nobody's secret.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn runs_as_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

impl Packages {
    /// The packages in this folder, which need not be there yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// What is installed, by name.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn list(&self) -> Result<BTreeMap<String, Versions>, PackageError> {
        let path = self.dir.join(INDEX);
        match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| {
                PackageError::Package(format!("index {} is damaged: {error}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    /// Copies a package in. The first version of a name is pinned; a later one waits for [`pin`](Self::pin).
    ///
    /// # Errors
    /// What about the package is not taken.
    pub fn install(&self, from: &Path) -> Result<Package, PackageError> {
        let files = read_files(from)?;
        let (manifest, digest) = check(&files)?;
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let mut all = self.list()?;
        let versions = all.entry(name.clone()).or_default();
        if versions.installed.get(&version).is_some_and(|known| *known != digest) {
            return Err(PackageError::Changed { name, version });
        }
        let dir = self.dir.join(&name).join(&version);
        if !dir.exists() {
            self.copy(&files, &manifest, &dir)?;
        }
        versions.installed.insert(version.clone(), digest);
        if versions.pinned.is_empty() {
            versions.pinned = version.clone();
        }
        self.keep(&all)?;
        self.open_version(&name, &version)
    }

    /// Uses another installed version from the next start of its adapter on.
    ///
    /// # Errors
    /// It is not installed, or its files have changed.
    pub fn pin(&self, name: &str, version: &str) -> Result<Package, PackageError> {
        let package = self.open_version(name, version)?;
        let mut all = self.list()?;
        if let Some(versions) = all.get_mut(name).filter(|versions| versions.pinned != version) {
            let before = std::mem::replace(&mut versions.pinned, version.to_owned());
            versions.before.push(before);
            self.keep(&all)?;
        }
        Ok(package)
    }

    /// Uses the version that was in use before.
    ///
    /// # Errors
    /// There was none, or its files have changed.
    pub fn rollback(&self, name: &str) -> Result<Package, PackageError> {
        let mut all = self.list()?;
        let versions = all.get_mut(name).ok_or_else(|| PackageError::Unknown(name.to_owned()))?;
        let Some(before) = versions.before.pop() else {
            return Err(PackageError::Package(format!(
                "{name} was never upgraded: there is nothing to go back to"
            )));
        };
        let package = self.open_version(name, &before)?;
        versions.pinned = before;
        self.keep(&all)?;
        Ok(package)
    }

    /// The version in use, its files checked.
    ///
    /// # Errors
    /// There is none, or its files have changed.
    pub fn open(&self, name: &str) -> Result<Package, PackageError> {
        let all = self.list()?;
        let versions = all.get(name).ok_or_else(|| PackageError::Unknown(name.to_owned()))?;
        self.open_version(name, &versions.pinned)
    }

    /// One installed version, its files checked.
    ///
    /// # Errors
    /// There is none, or its files have changed.
    pub fn open_version(&self, name: &str, version: &str) -> Result<Package, PackageError> {
        let unknown = || PackageError::Unknown(format!("{name} {version}"));
        let all = self.list()?;
        let pinned =
            all.get(name).and_then(|versions| versions.installed.get(version)).ok_or_else(unknown)?;
        let dir = self.dir.join(name).join(version);
        let dir = dir.canonicalize().map_err(io_error(&dir))?;
        let (manifest, found) = check(&read_files(&dir)?)?;
        if found != *pinned {
            let (name, version, pinned) = (name.to_owned(), version.to_owned(), pinned.clone());
            return Err(PackageError::Tampered { name, version, pinned, found });
        }
        Ok(Package { manifest, digest: found, dir })
    }

    /// Into a folder beside, then in place as a whole: a copy that was cut off is never taken for a package.
    fn copy(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        manifest: &Manifest,
        to: &Path,
    ) -> Result<(), PackageError> {
        let partial = to.with_extension("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(io_error(&partial))?;
        }
        for (name, content) in files {
            let path = partial.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(io_error(folder))?;
            }
            let mode = if *name == manifest.executable { 0o555 } else { 0o444 };
            write_durably(&path, content, mode).map_err(io_error(&path))?;
        }
        fs::rename(&partial, to).map_err(io_error(to))
    }

    fn keep(&self, all: &BTreeMap<String, Versions>) -> Result<(), PackageError> {
        let path = self.dir.join(INDEX);
        let json = serde_json::to_vec_pretty(all).unwrap_or_default();
        let partial = path.with_extension("partial");
        write_durably(&partial, &json, 0o600)
            .and_then(|()| fs::rename(&partial, &path))
            .and_then(|()| fs::File::open(&self.dir)?.sync_all())
            .map_err(io_error(&path))
    }
}

fn write_durably(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

fn check(files: &BTreeMap<String, Vec<u8>>) -> Result<(Manifest, String), PackageError> {
    let package = |reason: String| PackageError::Package(reason);
    let manifest = files.get(MANIFEST).ok_or_else(|| package(format!("has no {MANIFEST}")))?;
    let manifest = Manifest::parse(manifest)?;
    if !files.contains_key(&manifest.executable) {
        return Err(package(format!("has no file {:?}, which its manifest names", manifest.executable)));
    }
    ConfigSchema::compile(&manifest.config_schema).map_err(|reason| ManifestError::Member {
        member: "config_schema",
        reason: format!("is none: {reason}"),
    })?;
    let digest = package_digest(files.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    Ok((manifest, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// All files below a folder by their relative names. A link could lead out of it, so there may be none.
fn read_files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    let mut open = BTreeSet::from([(PathBuf::new(), 0)]);
    while let Some((below, depth)) = open.pop_first() {
        let folder = root.join(&below);
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let entry = entry.map_err(io_error(&folder))?;
            let (path, name) = (entry.path(), below.join(entry.file_name()));
            let kind = entry.file_type().map_err(io_error(&path))?;
            let Some(name) = name.to_str() else {
                return Err(PackageError::Package(format!(
                    "has a file whose name is no text: {}",
                    path.display()
                )));
            };
            if kind.is_dir() && depth < DEPTH_MAX {
                open.insert((PathBuf::from(name), depth + 1));
            } else if kind.is_file() {
                bytes += entry.metadata().map_err(io_error(&path))?.len();
                if bytes > BYTES_MAX || files.len() >= FILES_MAX {
                    let reason = format!("has more than {FILES_MAX} files or {BYTES_MAX} bytes");
                    return Err(PackageError::Package(reason));
                }
                files.insert(name.to_owned(), fs::read(&path).map_err(io_error(&path))?);
            } else {
                return Err(PackageError::Package(format!(
                    "holds {name:?}, which is neither a file nor a folder within {DEPTH_MAX} levels"
                )));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
