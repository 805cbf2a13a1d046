//! The probe SDK: spool, sign, batch, retry, receipts.
