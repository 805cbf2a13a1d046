//! What is around every page: rooms, tenant, theme, who is signed in.

use super::session::Said;
use super::view::Choice;

/// The frame of a page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The page's title.
    pub title: String,
    /// The rooms, in their order.
    pub rooms: Vec<Room>,
    /// The tenants that may be switched to.
    pub tenants: Vec<Choice>,
    /// The tenant that is looked at.
    pub tenant_label: String,
    /// The token that forms send back.
    pub csrf: String,
    /// `light` or `dark`, if the reader chose one.
    pub theme: Option<&'static str>,
    /// Who is signed in.
    pub who: String,
    /// As what.
    pub role: &'static str,
    /// The page's own address.
    pub here: String,
    /// Where scripts and styles are.
    pub assets: &'static str,
    /// What is said once.
    pub said: Option<Said>,
}

/// A room of the console.
#[derive(Debug, Clone)]
pub struct Room {
    /// Its address.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Is the page in it?
    pub current: bool,
    /// How much waits there.
    pub count: usize,
    /// What waits there, as a word after the number.
    pub waits: &'static str,
}

/// What waits for somebody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waiting {
    /// Open alerts.
    pub alerts: usize,
    /// Parked work.
    pub parked: usize,
}

/// Address, name, icon.
const ROOMS: [(&str, &str, &str); 14] = [
    ("/", "Overview", "overview"),
    ("/live", "Live activity", "live"),
    ("/alerts", "Alerts", "bell"),
    ("/evidence", "Evidence", "evidence"),
    ("/frameworks", "Frameworks", "framework"),
    ("/probes", "Probes", "probe"),
    ("/integrations", "Integrations", "integration"),
    ("/tasks", "Tasks", "task"),
    ("/tickets", "Tickets", "ticket"),
    ("/intents", "Work", "work"),
    ("/audit", "Audit explorer", "audit"),
    ("/credentials", "Credentials", "key"),
    ("/exports", "Exports", "export"),
    ("/tenants", "Tenants", "tenant"),
];

impl Frame {
    /// The rooms of a page at `here`.
    pub fn rooms(here: &str, waiting: Waiting) -> Vec<Room> {
        let path = here.split('?').next().unwrap_or_default();
        let inside = |href: &str| match href {
            "/" => path == "/",
            href => path == href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')),
        };
        let room = |(href, label, icon)| {
            let (count, waits) = match href {
                "/alerts" => (waiting.alerts, "open"),
                "/intents" => (waiting.parked, "parked"),
                _ => (0, ""),
            };
            Room { href, label, icon, current: inside(href), count, waits }
        };
        ROOMS.map(room).into()
    }

    /// What the theme button chooses.
    pub fn other_theme(&self) -> &'static str {
        match self.theme {
            None => "dark",
            Some("dark") => "light",
            Some(_) => "system",
        }
    }
}
