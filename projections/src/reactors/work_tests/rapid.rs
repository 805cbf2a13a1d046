//! Edits of both sides at once, in any order.

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Ours(u8),
    Theirs(usize, u8),
    Severity(usize, bool),
    React,
    Again(usize),
    Dispatch(bool),
    Poll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u8).prop_map(Step::Ours),
        3 => (0..2_usize, 0..6_u8).prop_map(|(at, value)| Step::Theirs(at, value)),
        1 => (0..2_usize, any::<bool>()).prop_map(|(at, high)| Step::Severity(at, high)),
        3 => Just(Step::React),
        1 => (0..30_usize).prop_map(Step::Again),
        3 => any::<bool>().prop_map(Step::Dispatch),
        3 => (0..4_usize).prop_map(Step::Poll),
    ]
}

/// Runs the steps; how many edits there were.
fn run(world: &mut World, steps: &[Step]) -> usize {
    let mut edits = 0;
    for step in steps {
        match step {
            Step::Ours(n) => {
                edits += 1;
                world.task(&TaskCommand::Change(title(*n)));
            }
            Step::Theirs(at, n) => {
                if let Some(remote) = world.remotes.values_mut().nth(*at) {
                    edits += 1;
                    remote.set(json!({ "title": format!("their {n}") }).as_object().unwrap(), None);
                }
            }
            Step::Severity(at, high) => {
                if let Some(remote) = world.remotes.values_mut().nth(*at) {
                    edits += 1;
                    let word = if *high { "critical" } else { "warning" };
                    remote.set(json!({ "severity": word }).as_object().unwrap(), None);
                }
            }
            Step::React => world.react(0),
            Step::Again(n) => world.react(*n),
            Step::Dispatch(lost) => {
                world.dispatch(*lost);
            }
            Step::Poll(lag) => world.poll(*lag),
        }
    }
    edits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn edits_from_both_sides_come_to_rest(
        steps in proptest::collection::vec(step(), 0..150),
        policy in prop_oneof![Just(ConflictPolicy::Ours), Just(ConflictPolicy::Theirs), Just(ConflictPolicy::Hold)],
    ) {
        let mut world = World::new(routes(policy));
        world.fail();
        let edits = run(&mut world, &steps);
        world.settle();
        for _ in 0..4 {
            world.decide_conflicts();
            world.settle();
        }
        prop_assert_eq!(world.creations, 2, "one ticket for each obligation");
        prop_assert_eq!(world.titles().len(), 1, "all sides have the same");
        // Each edit may be written to both systems, and once more where it is in conflict.
        prop_assert!(world.writes <= 4 * edits + 4, "{} writes for {} edits", world.writes, edits);
        // At rest nothing happens any more.
        let (log, writes, titles) = (world.log.len(), world.writes, world.titles());
        world.settle();
        prop_assert_eq!((world.log.len(), world.writes), (log, writes));
        // The reactors lost their place: going through the whole log again leads to the same.
        world.react(usize::MAX);
        world.settle();
        prop_assert_eq!((world.titles(), world.creations), (titles, 2));
    }
}

/// 50 edits, alternating, faster than anything is carried out.
#[test]
fn fifty_rapid_edits_from_both_sides_reach_a_fixed_point() {
    for policy in [ConflictPolicy::Ours, ConflictPolicy::Theirs] {
        let mut world = World::new(routes(policy));
        world.fail();
        world.settle();
        let steps: Vec<Step> = (0..25_u8)
            .flat_map(|n| {
                [
                    Step::Ours(n),
                    Step::Theirs(usize::from(n % 2), n),
                    Step::React,
                    Step::Poll(0),
                    Step::Dispatch(false),
                ]
            })
            .collect();
        assert_eq!(run(&mut world, &steps), 50);
        world.settle();
        assert_eq!(world.titles().len(), 1);
        assert!(world.writes <= 100, "{} writes", world.writes);
    }
}

/// Writes in a time without edits, after rapid ones, while every other search lags one change behind.
fn writes_in_a_quiet_time(is_deaf: bool) -> usize {
    let mut world = World::new(routes(ConflictPolicy::Theirs));
    world.fail();
    world.settle();
    let edits: Vec<Step> =
        (0..25_u8).flat_map(|n| [Step::Ours(n), Step::Theirs(usize::from(n % 2), n)]).collect();
    run(&mut world, &edits);
    world.settle();
    world.is_deaf = is_deaf;
    let before = world.writes;
    for n in 0..50 {
        world.poll(1 - n % 2);
        world.react(0);
        while world.dispatch(false) {
            world.react(0);
        }
    }
    world.writes - before
}

#[test]
fn nothing_is_written_in_a_quiet_time_unless_the_echo_guard_is_off() {
    assert_eq!(writes_in_a_quiet_time(false), 0);
    let echoes = writes_in_a_quiet_time(true);
    assert!(echoes > 25, "control: without the guard, old reads are written back for ever: {echoes} writes");
}
