use super::*;
use crate::refusal::RefusalKind::{Conflict, NotFound};
use crate::schema::Confidential;
use crate::testing::given;

fn request() -> ExportCommand {
    ExportCommand::Request {
        purpose: ExportPurpose::Audit,
        redacted: true,
        recipient: Some("auditor".into()),
    }
}

fn requested() -> ExportEvent {
    let recipient = Confidential::of("auditor".into());
    ExportRequested { purpose: ExportPurpose::Audit, redacted: true, recipient }.into()
}

#[test]
fn an_export_is_requested_and_ends_once() {
    let complete = ExportCommand::Complete { log_size: 7, files: 12 };
    let completed = ExportEvent::from(ExportCompleted { log_size: 7, files: 12 });
    let fail = ExportCommand::Fail { reason: ExportFailure::Target, detail: None };
    given::<Export>([]).when(&request()).then([requested()]);
    given::<Export>([requested()]).when(&request()).then_refused(Conflict, "export-exists", "");
    given::<Export>([]).when(&complete).then_refused(NotFound, "export-unknown", "");
    given::<Export>([requested()]).when(&complete).then([completed.clone()]);
    let failed = ExportFailed { reason: ExportFailure::Target, detail: Confidential::none() };
    given::<Export>([requested()]).when(&fail).then([failed.into()]);
    given::<Export>([requested(), completed]).when(&fail).then_refused(Conflict, "export-ended", "");
}
