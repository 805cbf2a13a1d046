use super::*;
use crate::refusal::RefusalKind::NotFound;
use crate::testing::given;

#[test]
fn a_secret_is_stored_replaced_and_deleted() {
    let stored = |version| SecretEvent::from(SecretStored { version });
    let deleted = SecretEvent::from(SecretDeleted { version: 2 });
    given::<Secret>([]).when(&SecretCommand::Store).then([stored(1)]);
    given::<Secret>([stored(1)]).when(&SecretCommand::Store).then([stored(2)]);
    given::<Secret>([stored(1), stored(2)]).when(&SecretCommand::Delete).then([deleted.clone()]);
    given::<Secret>([stored(2), deleted.clone()]).when(&SecretCommand::Delete).then_nothing();
    given::<Secret>([stored(2), deleted]).when(&SecretCommand::Store).then([stored(3)]);
    given::<Secret>([]).when(&SecretCommand::Delete).then_refused(NotFound, "secret-unknown", "");
}
