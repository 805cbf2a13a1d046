//! Many rows by COPY in its binary format: the server fills whole pages with them, and nothing is planned or unnested.

use std::io::Cursor;

use futures_util::{SinkExt, pin_mut};
use tokio_postgres::{Client, CopyInSink, Statement};

use crate::error::PgError;

/// From so many rows on: below, what it costs to begin one is more than it saves.
pub(crate) const ROWS_MIN: usize = 64;

/// Signature, flags, and the length of an extension that nobody has.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Instead of a number of fields.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// Instead of a length.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// PostgreSQL's number of the type `bigint`.
const INT8_OID: i32 = 20;
/// One message at most; the server works on the first while the next is under way.
const MESSAGE_BYTES: usize = 256 << 10;

/// Rows as COPY takes them. A field is as wide as its column's type, or the server refuses all of them.
pub(crate) struct Rows {
    fields: i16,
    bytes: Vec<u8>,
}

impl Rows {
    /// No rows yet, of so many fields each; `bytes` is how long they are about to be.
    pub fn of(fields: i16, bytes: usize) -> Self {
        let mut all = Vec::with_capacity(HEADER.len() + bytes + END.len());
        all.extend_from_slice(HEADER);
        Self { fields, bytes: all }
    }

    /// Begins the next row: its fields follow.
    pub fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.fields.to_be_bytes());
        self
    }

    /// A `smallint`.
    pub fn int2(&mut self, value: i16) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// An `integer`.
    pub fn int4(&mut self, value: i32) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// A `bigint`.
    pub fn int8(&mut self, value: i64) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// A `text`, or NULL.
    pub fn text(&mut self, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            return self.field(value.as_bytes());
        }
        self.bytes.extend_from_slice(&NULL);
        self
    }

    /// A `bytea`, or any value in its binary form.
    pub fn field(&mut self, value: &[u8]) -> &mut Self {
        let length = i32::try_from(value.len()).expect("a field is far below 2 GiB");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }

    /// A `bigint[]`.
    pub fn int8s(&mut self, values: &[i64]) -> &mut Self {
        let count = i32::try_from(values.len()).expect("an array is short");
        let length = 20 + 12 * count;
        // One dimension without NULLs, numbered from 1.
        for number in [length, 1, 0, INT8_OID, count, 1] {
            self.bytes.extend_from_slice(&number.to_be_bytes());
        }
        for value in values {
            self.int8(*value);
        }
        self
    }

    /// Sends them with a prepared `COPY … FROM STDIN (FORMAT binary)`, and waits for the answer.
    pub async fn send(mut self, client: &Client, copy: &Statement) -> Result<(), PgError> {
        self.bytes.extend_from_slice(&END);
        let sink: CopyInSink<Cursor<Vec<u8>>> = client.copy_in(copy).await?;
        pin_mut!(sink);
        for part in self.bytes.chunks(MESSAGE_BYTES) {
            sink.send(Cursor::new(part.to_vec())).await?;
        }
        sink.finish().await?;
        Ok(())
    }
}
