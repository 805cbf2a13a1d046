use super::*;
use crate::refusal::RefusalKind::Conflict;
use crate::testing::given;

#[test]
fn a_reactor_is_activated_and_deactivated() {
    let (on, off) = (ReactorEvent::from(ReactorActivated {}), ReactorEvent::from(ReactorDeactivated {}));
    given::<Reactor>([]).when(&ReactorCommand::Activate).then([on.clone()]);
    given::<Reactor>([on.clone()]).when(&ReactorCommand::Activate).then_nothing();
    given::<Reactor>([on.clone()]).when(&ReactorCommand::Deactivate).then([off.clone()]);
    given::<Reactor>([on, off]).when(&ReactorCommand::Deactivate).then_refused(
        Conflict,
        "reactor-inactive",
        "",
    );
}
