//! The macro that writes a table's description and its typed row together, so that they cannot drift apart.

/// Declares a table and the type of its rows.
///
/// ```
/// use ledger::readmodel::{Text, TypedRow};
///
/// ledger::read_model! {
///     /// Lamps and whether they are on.
///     pub table LAMP = "lamp" (resident);
///     /// One lamp.
///     pub row LampRow {
///         key {
///             /// Which lamp.
///             lamp: Text as Text,
///         }
///         /// Is it on?
///         lit: Bool as bool,
///     }
///     index [lit];
/// }
///
/// let row = LampRow { lamp: "hall".into(), lit: true };
/// assert_eq!(LampRow::from_row(&row.to_row()), Some(row));
/// assert_eq!(LAMP.key, 1);
/// ```
#[macro_export]
macro_rules! read_model {
    (
        $(#[$table_doc:meta])*
        pub table $table:ident = $name:literal ($residence:ident);
        $(#[$row_doc:meta])*
        pub row $row:ident {
            key { $($(#[$key_doc:meta])* $key:ident: $key_kind:ident as $key_type:ty),+ $(,)? }
            $($(#[$doc:meta])* $column:ident: $kind:ident as $type:ty),* $(,)?
        }
        $(index [$($indexed:ident),+];)*
        $(sparse index [$($sparsely:ident),+];)*
        $(rising $rising:ident;)?
    ) => {
        $(#[$table_doc])*
        pub static $table: $crate::readmodel::TableDef = $crate::readmodel::TableDef {
            name: $name,
            columns: &[
                $($crate::readmodel::Column { name: stringify!($key), kind: $crate::readmodel::Kind::$key_kind },)+
                $($crate::readmodel::Column { name: stringify!($column), kind: $crate::readmodel::Kind::$kind },)*
            ],
            key: [$(stringify!($key)),+].len(),
            indexes: &[
                $($crate::readmodel::IndexDef { columns: &[$(stringify!($indexed)),+], sparse: false },)*
                $($crate::readmodel::IndexDef { columns: &[$(stringify!($sparsely)),+], sparse: true },)*
            ],
            rising: $crate::read_model!(@rising $($rising)?),
            resident: $crate::read_model!(@resident $residence),
        };

        $(#[$row_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $row {
            $($(#[$key_doc])* pub $key: $key_type,)+
            $($(#[$doc])* pub $column: $type,)*
        }

        impl $crate::readmodel::TypedRow for $row {
            const TABLE: &'static $crate::readmodel::TableDef = &$table;

            fn to_row(&self) -> $crate::readmodel::Row {
                $crate::readmodel::Row::from([
                    $($crate::readmodel::CellType::to_cell(&self.$key),)+
                    $($crate::readmodel::CellType::to_cell(&self.$column),)*
                ])
            }

            fn from_row(row: &[$crate::readmodel::Cell]) -> Option<Self> {
                let mut cells = row.iter();
                Some(Self {
                    $($key: $crate::readmodel::CellType::from_cell(cells.next()?)?,)+
                    $($column: $crate::readmodel::CellType::from_cell(cells.next()?)?,)*
                })
            }
        }
    };
    (@rising) => { None };
    (@rising $rising:ident) => { Some(stringify!($rising)) };
    (@resident resident) => { true };
    (@resident growing) => { false };
}
