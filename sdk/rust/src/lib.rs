//! The probe SDK: evidence is accepted on disk, and reaches the ledger.
//!
//! ```no_run
//! use ledger_probe::{CheckResult, Config, Evidence, Probe};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let api_key = "lgr_test_…";
//! let probe = Probe::new(Config::new("https://ledger.example", api_key, "/var/lib/models-probe")?)?;
//! let evidence = Evidence::new("mlflow/approval", "Production models are approved", CheckResult::Pass);
//! probe.submit(evidence.control("nist-800-53", "cm-3").checked(12))?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Probe::submit`] returns when the evidence is on disk ([`spool`]). A background thread sends it ([`sender`]), signs
//! each request with a key that follows from the API key, and takes the evidence off the disk only for a receipt whose
//! signature verifies against the pinned log ([`trust`]). Nothing is dropped: a full spool refuses or blocks, what the
//! ledger refuses for good is kept in `rejected/`.
//!
//! [`linux_host`] holds ready-made checks of a Linux machine, [`runner`] runs probe files on their schedules.

pub mod backoff;
pub mod command;
pub mod config;
pub mod evidence;
pub mod kept;
pub mod linux_host;
pub mod probe;
pub mod receipt;
pub mod report;
pub mod runner;
pub mod sender;
pub mod sleeper;
pub mod spool;
pub mod status;
pub mod transport;
pub mod trust;

pub use config::{Config, Parts, WhenFull};
pub use evidence::{BlobRef, CheckResult, ControlRef, Evidence, EvidenceError, Finding};
pub use probe::{Probe, StartError, SubmitError};
pub use receipt::{Receipt, ReceiptError};
pub use report::{CheckReport, Severity, Tally};
pub use status::Status;
pub use trust::Trust;
