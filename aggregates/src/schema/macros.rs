//! The declarations from which structs, schemas, encoders and decoders follow.

/// Declares the events of one aggregate.
///
/// For each event: a struct, its reverse-DNS type with version, and members whose classes follow from their types.
/// For the aggregate: an enum of them, its [`DomainEvent`](ledger::domain::DomainEvent) and the constant `SCHEMAS`.
/// An older version of a type is named by `upcast <function>`, which turns old data into new before it is read.
#[macro_export]
macro_rules! events {
    (
        $(#[doc = $enum_doc:literal])*
        $category:literal $enum_name:ident $(upcast $upcast:path)? {
            $(
                $(#[doc = $doc:literal])*
                $variant:ident($struct_name:ident) = $event_type:literal {
                    $( $(#[doc = $member_doc:literal])* $member:ident: $member_type:ty, )*
                }
            )+
        }
    ) => {
        $(
            $(#[doc = $doc])*
            #[doc = concat!("\n\nType `", $event_type, "`.")]
            #[derive(Debug, Clone, PartialEq)]
            pub struct $struct_name {
                $( $(#[doc = $member_doc])* pub $member: $member_type, )*
            }

            impl $struct_name {
                /// The schema of this event.
                pub const SCHEMA: $crate::schema::EventSchema = $crate::schema::EventSchema {
                    event_type: $event_type,
                    category: $category,
                    doc: concat!($($doc),*),
                    members: &[ $( $crate::schema::MemberSchema {
                        name: stringify!($member),
                        doc: concat!($($member_doc),*),
                        class: <$member_type as $crate::schema::Member>::CLASS,
                        kind: <$member_type as $crate::schema::Member>::KIND,
                        required: <$member_type as $crate::schema::Member>::REQUIRED,
                    }, )* ],
                };

                fn put<'a>(&self, body: &'a mut ledger::domain::EventBody) -> &'a mut ledger::domain::EventBody {
                    $( $crate::schema::Member::put(&self.$member, stringify!($member), body); )*
                    body
                }

                fn decode(data: &serde_json::Map<String, serde_json::Value>) -> Result<Self, String> {
                    $crate::schema::known_members(&Self::SCHEMA, data)?;
                    Ok(Self { $( $member: $crate::schema::Member::take(stringify!($member), data)?, )* })
                }
            }

            impl From<$struct_name> for $enum_name {
                fn from(event: $struct_name) -> Self {
                    Self::$variant(event)
                }
            }
        )+

        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $enum_name {
            $( $(#[doc = $doc])* $variant($struct_name), )+
        }

        impl $enum_name {
            /// The schemas of all events of this aggregate.
            pub const SCHEMAS: &'static [$crate::schema::EventSchema] = &[ $( $struct_name::SCHEMA, )+ ];
        }

        impl ledger::domain::DomainEvent for $enum_name {
            fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(_) => $event_type, )+ }
            }

            fn encode(&self) -> ledger::domain::EventBody {
                let mut body = ledger::domain::EventBody::default();
                match self { $( Self::$variant(event) => event.put(&mut body), )+ };
                body
            }

            fn decode(
                event_type: &str,
                data: &serde_json::Map<String, serde_json::Value>,
            ) -> Result<Option<Self>, ledger::domain::DecodeError> {
                $(
                    let upcast = $upcast(event_type, data);
                    let (event_type, data) = match &upcast {
                        Some((latest, data)) => (*latest, data),
                        None => (event_type, data),
                    };
                )?
                let read = match event_type {
                    $( $event_type => $struct_name::decode(data).map(Self::$variant), )+
                    _ => return Ok(None),
                };
                read.map(Some).map_err(|reason| ledger::domain::DecodeError { event_type: event_type.to_owned(), reason })
            }
        }
    };
}

/// Declares an object of public members that stands inside an event.
#[macro_export]
macro_rules! public_object {
    (
        $(#[doc = $doc:literal])*
        $name:ident { $( $(#[doc = $member_doc:literal])* $member:ident: $member_type:ty, )+ }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name {
            $( $(#[doc = $member_doc])* pub $member: $member_type, )+
        }

        impl $crate::schema::Public for $name {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Object(&[ $( $crate::schema::MemberSchema {
                name: stringify!($member),
                doc: concat!($($member_doc),*),
                class: <$member_type as $crate::schema::Member>::CLASS,
                kind: <$member_type as $crate::schema::Member>::KIND,
                required: <$member_type as $crate::schema::Member>::REQUIRED,
            }, )+ ]);

            fn to_json(&self) -> serde_json::Value {
                let mut body = ledger::domain::EventBody::default();
                $( $crate::schema::Member::put(&self.$member, stringify!($member), &mut body); )+
                serde_json::Value::Object(body.public)
            }

            fn from_json(value: &serde_json::Value) -> Result<Self, String> {
                let data = value.as_object().ok_or_else(|| $crate::schema::expected("an object", value))?;
                let names = [ $( stringify!($member), )+ ];
                $crate::schema::only(&names, data)?;
                Ok(Self { $( $member: $crate::schema::Member::take(stringify!($member), data)?, )+ })
            }
        }
    };
}

/// Declares a closed set of words.
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $doc:literal])*
        $name:ident { $( $(#[doc = $variant_doc:literal])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[doc = $variant_doc])* $variant, )+ }

        impl $name {
            /// Every word with its meaning.
            pub const ALL: &'static [(&'static str, Self)] = &[ $( ($word, Self::$variant), )+ ];

            /// The word that stands for it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                $crate::schema::choice(Self::ALL, word)
            }
        }

        impl $crate::schema::Public for $name {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Choice(&[ $( $word, )+ ]);
            fn to_json(&self) -> serde_json::Value {
                serde_json::Value::String(self.as_str().to_owned())
            }
            fn from_json(value: &serde_json::Value) -> Result<Self, String> {
                let word = value.as_str().ok_or_else(|| $crate::schema::expected("a word", value))?;
                $crate::schema::choice(Self::ALL, word)
            }
        }

        impl ledger::readmodel::CellType for $name {
            fn to_cell(&self) -> ledger::readmodel::Cell {
                ledger::readmodel::Cell::Text(self.as_str().into())
            }
            fn from_cell(cell: &ledger::readmodel::Cell) -> Option<Self> {
                cell.as_text()?.parse().ok()
            }
        }
    };
}

/// Declares a bounded text from a closed alphabet.
#[macro_export]
macro_rules! tokens {
    ($( $(#[doc = $doc:literal])* $name:ident($kind:ident, $what:literal, $length:expr, $rule:literal, $allowed:expr) )+) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// What it must look like.
            pub const RULE: &'static str = $rule;

            /// Reads it, checking its length and characters.
            ///
            /// # Errors
            /// The rule that is broken.
            pub fn new(text: impl AsRef<str>) -> Result<Self, ledger::ids::IdError> {
                let text = text.as_ref();
                if $crate::schema::token_ok(text, &$length, $allowed) {
                    return Ok(Self(text.into()));
                }
                Err(ledger::ids::IdError { kind: $what, value: text.chars().take(80).collect(), rule: $rule })
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ledger::ids::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl $crate::schema::Public for $name {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::$kind { rule: $rule };
            fn to_json(&self) -> serde_json::Value {
                serde_json::Value::String(self.0.as_ref().to_owned())
            }
            fn from_json(value: &serde_json::Value) -> Result<Self, String> {
                let text = value.as_str().ok_or_else(|| $crate::schema::expected(concat!("a ", $what), value))?;
                Self::new(text).map_err(|error| error.to_string())
            }
        }

        impl ledger::readmodel::CellType for $name {
            fn to_cell(&self) -> ledger::readmodel::Cell {
                ledger::readmodel::Cell::Text(self.0.clone().into())
            }
            fn from_cell(cell: &ledger::readmodel::Cell) -> Option<Self> {
                cell.as_text().and_then(|text| Self::new(text).ok())
            }
        }
    )+};
}
