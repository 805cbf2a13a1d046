//! People in what is sent: their names stand in the log once, as their own data, and nowhere else.
//!
//! A note names a person by the place of the event that does; the name itself is put in last, as a credential is, and taken
//! out of what is recorded. So erasing the person reaches every copy that the ledger has. The mark keeps anybody from
//! writing such a place into a title by hand.

use std::sync::Weak;

use async_trait::async_trait;
use ledger::ids::TenantId;
use ledger_aggregates::task::Task;
use ledger_aggregates::values::TaskId;
use ledger_connectors::egress::{Inserted, Insertions};
use ledger_projections::reactors::person;

use super::marks::Marks;
use crate::app::App;
use crate::error::ApiError;

/// What is said of somebody whose data was erased before it was sent.
const ERASED: &str = "somebody whose data has been erased";

/// The people of one tenant.
pub struct TenantPeople {
    /// The running ledger.
    pub app: Weak<App>,
    /// Whose.
    pub tenant: TenantId,
}

impl TenantPeople {
    async fn name(&self, app: &App, task: TaskId, seq: u64) -> Result<String, ApiError> {
        let told = app.told::<Task>(&self.tenant, &task.stream()).await?;
        let event = usize::try_from(seq).ok().and_then(|seq| told.get(seq));
        Ok(event.and_then(|event| event.member("assignee")).unwrap_or_else(|| ERASED.to_owned()))
    }
}

#[async_trait]
impl Insertions for TenantPeople {
    async fn of(&self, text: &str) -> Result<Vec<Inserted>, String> {
        let mut found = Vec::new();
        for place in person::places(text) {
            let app = self.app.upgrade().ok_or_else(|| "the server is stopping".to_owned())?;
            let mark = Marks::of(&app, &self.tenant).value(&person::marked(place.task, place.seq));
            if mark.map_err(|error| error.detail)?.as_str() != place.mark {
                continue;
            }
            let name = self.name(&app, place.task, place.seq).await.map_err(|error| error.detail)?;
            found.push(Inserted { place: place.text.to_owned(), value: name });
        }
        Ok(found)
    }
}
