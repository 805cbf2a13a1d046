use super::*;
use crate::refusal::RefusalKind::Conflict;
use crate::testing::given;

fn root(n: u8) -> HashBase64 {
    HashBase64::new(format!("{n:043x}=")).unwrap()
}

#[test]
fn a_changed_root_is_anchored_and_slots_never_go_back() {
    let command = |n, slots| AnchorCommand { root: root(n), slots };
    let anchored = |n, slots| AnchorEvent::from(Anchored { root: root(n), slots });
    given::<Anchor>([]).when(&command(1, 2)).then([anchored(1, 2)]);
    given::<Anchor>([anchored(1, 2)]).when(&command(1, 2)).then_nothing();
    given::<Anchor>([anchored(1, 2)]).when(&command(2, 2)).then([anchored(2, 2)]);
    given::<Anchor>([anchored(1, 2)]).when(&command(2, 1)).then_refused(Conflict, "anchor-fewer-slots", "");
    assert_eq!(Anchor::stream().as_str(), "anchor-tenants");
}
