use ledger::domain::DomainEvent;
use proptest::prelude::*;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Invalid};
use crate::testing::given;
use crate::values::{ControlId, ControlRef, FrameworkSource, PublishedTitle, Version};

fn id(text: &str) -> ControlId {
    ControlId::new(text).unwrap()
}

fn title(text: &str) -> PublishedTitle {
    PublishedTitle::new(text).unwrap()
}

fn control(text: &str) -> CatalogControl {
    CatalogControl {
        id: id(text),
        title: title("Least privilege"),
        parent: None,
        group: Some(id("ac")),
        cadence_seconds: None,
        maps_to: Vec::new(),
    }
}

fn catalog(version: &str, controls: &[&str]) -> Catalog {
    let prose = |c: &&str| (id(c), Prose { statement: format!("{c} is done"), guidance: String::new() });
    Catalog {
        version: Version::new(version).unwrap(),
        title: title("An own catalogue"),
        source: FrameworkSource::Api,
        cadence_seconds: Some(86_400),
        groups: vec![CatalogGroup { id: id("ac"), title: title("Access") }],
        controls: controls.iter().map(|c| control(c)).collect(),
        prose: controls.iter().map(prose).collect(),
    }
}

fn import(catalog: Catalog) -> FrameworkCommand {
    FrameworkCommand::Import(Box::new(catalog))
}

fn history(catalog: Catalog) -> Vec<FrameworkEvent> {
    given::<Framework>([]).when(&import(catalog)).events()
}

#[test]
fn an_edition_is_imported_whole_and_once() {
    let past = history(catalog("1", &["ac-1", "ac-2"]));
    assert_eq!(past.len(), 2);
    given::<Framework>(past.clone()).when(&import(catalog("1", &["ac-1", "ac-2"]))).then_nothing();
    given::<Framework>(past.clone()).when(&import(catalog("1", &["ac-1", "ac-3"]))).then_refused(
        Conflict,
        "framework-edition-taken",
        "/version",
    );
    let next = given::<Framework>(past.clone()).when(&import(catalog("2", &["ac-2", "ac-3"]))).events();
    let withdrawn = FrameworkControlsWithdrawn { controls: vec![id("ac-1")] };
    assert_eq!(next.last(), Some(&withdrawn.into()));
    let state = given::<Framework>([past, next].concat()).state();
    assert_eq!(state.controls.keys().map(ControlId::as_str).collect::<Vec<_>>(), ["ac-2", "ac-3"]);
}

#[test]
fn a_catalogue_out_of_bounds_is_refused() {
    type Change = fn(&mut Catalog);
    let long_groups: Change = |c| {
        c.groups = vec![CatalogGroup { id: id("ac"), title: title(&"😀".repeat(200)) }; 40];
    };
    let cases: [(Change, &str, &str); 9] = [
        (|c| c.controls.clear(), "framework-controls", "/controls"),
        (|c| c.controls.push(control("ac-1")), "framework-control-twice", "/controls"),
        (|c| c.controls[0].parent = Some(id("ac-2")), "framework-parent-unknown", "/controls"),
        (|c| c.groups.clear(), "framework-group-unknown", "/controls"),
        (|c| c.cadence_seconds = Some(0), "framework-cadence", "/cadence_seconds"),
        (|c| c.controls[0].cadence_seconds = Some(u32::MAX), "framework-cadence", "/cadence_seconds"),
        (|c| c.groups = vec![c.groups[0].clone(); 65], "framework-groups", "/groups"),
        (long_groups, "framework-groups-too-large", "/groups"),
        (
            |c| c.controls[0].maps_to = vec![ControlRef::new("x", "y").unwrap(); 33],
            "framework-mappings",
            "/controls",
        ),
    ];
    for (change, code, pointer) in cases {
        let mut catalog = catalog("1", &["ac-1", "ac-2"]);
        change(&mut catalog);
        given::<Framework>([]).when(&import(catalog)).then_refused(Invalid, code, pointer);
    }
    let mut long = catalog("1", &["ac-1"]);
    long.prose.insert(id("ac-1"), Prose { statement: "x".repeat(65_537), guidance: String::new() });
    given::<Framework>([]).when(&import(long)).then_refused(Invalid, "framework-prose-too-long", "/controls");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However large, every event fits a header, every control arrives once and in order, and no prose is lost.
    #[test]
    fn a_large_catalogue_is_cut_into_events_that_fit(
        count in 1..400_usize, title_chars in 1..200_usize, mappings in 0..32_usize, prose_bytes in 0..9_000_usize,
    ) {
        let ids: Vec<String> = (0..count).map(|n| format!("c-{n}")).collect();
        let mut catalog = catalog("1", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        for control in &mut catalog.controls {
            control.title = title(&"😀".repeat(title_chars));
            control.maps_to = vec![ControlRef::new(&"f".repeat(64), &"c".repeat(64)).unwrap(); mappings];
        }
        for prose in catalog.prose.values_mut() {
            prose.guidance = "x".repeat(prose_bytes);
        }
        let (mut seen, mut prose) = (Vec::new(), 0);
        for event in history(catalog.clone()) {
            let body = event.encode();
            prop_assert!(serde_json::to_vec(&body.public).unwrap().len() <= 30_000);
            let bytes: usize = body.withheld.iter().map(|w| w.value.to_string().len()).sum();
            prop_assert!(bytes <= 300_000, "{}", bytes);
            if let FrameworkEvent::ControlsAdded(added) = event {
                prose += added.prose.get().and_then(|p| p.as_object()).map_or(0, serde_json::Map::len);
                seen.extend(added.controls);
            }
        }
        prop_assert_eq!(seen, catalog.controls);
        prop_assert_eq!(prose, catalog.prose.len());
    }
}
