//! Why commands are refused: what is wrong, where, and how to mend it.

/// A refused command. Each aggregate has its own enum; the border maps all of them in one place.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// What kind of refusal it is.
    fn kind(&self) -> RefusalKind;

    /// The JSON pointer of what is wrong, empty where it is the whole.
    fn pointer(&self) -> String;

    /// How to mend it.
    fn hint(&self) -> &'static str;

    /// A stable name for documents and clients.
    fn code(&self) -> &'static str;
}

/// What kind of refusal it is. Repeating the same command gives the same refusal until something else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The command's content breaks a rule.
    Invalid,
    /// The command contradicts what has happened already.
    Conflict,
    /// What the command is about does not exist.
    NotFound,
    /// What the command is about is over.
    Gone,
}

/// Declares the refusals of an aggregate: kind, message, pointer and hint stand together.
#[macro_export]
macro_rules! refusals {
    (
        $(#[doc = $doc:literal])*
        $name:ident { $(
            $(#[doc = $variant_doc:literal])*
            $variant:ident { $( $(#[doc = $field_doc:literal])* $field:ident: $type:ty ),* }
                => $kind:ident, $code:literal, $pointer:literal, $message:literal, $hint:literal;
        )+ }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum $name { $(
            $(#[doc = $variant_doc])*
            #[error($message)]
            $variant { $( $(#[doc = $field_doc])* $field: $type ),* },
        )+ }

        impl $crate::refusal::Refusal for $name {
            fn kind(&self) -> $crate::refusal::RefusalKind {
                match self { $( Self::$variant { .. } => $crate::refusal::RefusalKind::$kind, )+ }
            }

            fn pointer(&self) -> String {
                match self { $(
                    Self::$variant { $($field),* } => {
                        // A pointer need not name every field.
                        $( let _ = $field; )*
                        format!($pointer)
                    }
                )+ }
            }

            fn hint(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $hint, )+ }
            }

            fn code(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $code, )+ }
            }
        }
    };
}
