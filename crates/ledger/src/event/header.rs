//! Reads headers: strictly for strangers' bytes, fast for bytes whose form is vouched for.

use std::borrow::Cow;

use super::cursor::{Cursor, Read, broken};
use super::{EventError, EventHash, HEADER_MAX, Header, is_event_type};
use crate::ids::{Actor, ActorKind, CommandId, EventId, StreamId, TenantId};
use crate::keys::Kid;
use crate::time::Timestamp;
use crate::{b64, canonical};

impl<'a> Header<'a> {
    /// Reads a header strictly: canonical bytes, known members, every rule of the format.
    ///
    /// # Errors
    /// [`EventError`] names the rule.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EventError> {
        if bytes.len() > HEADER_MAX {
            return Err(EventError::TooLarge { what: "header", size: bytes.len(), max: HEADER_MAX });
        }
        canonical::is_canonical(bytes)?;
        Self::parse_trusted(bytes)
    }

    /// Reads a header whose signature or origin vouches that it is canonical: `data` is taken as it stands.
    /// The other members are checked all the same.
    ///
    /// # Errors
    /// [`EventError`] if it is no header.
    pub fn parse_trusted(bytes: &'a [u8]) -> Result<Self, EventError> {
        let mut cursor = Cursor::enter(bytes).ok_or(EventError::NoObject)?;
        let c = &mut cursor;
        // The members stand in the order of RFC 8785, so that one walk reads them.
        let sd = if c.take("_sd") { digests(c)? } else { Vec::new() };
        c.require("actor")?;
        let actor = actor(c)?;
        let cause = c.take("cause").then(|| event_id(c, "cause")).transpose()?;
        let cmd = c.take("cmd").then(|| command_id(c, "cmd")).transpose()?;
        let correlation = c.take("correlation").then(|| event_id(c, "correlation")).transpose()?;
        c.require("data")?;
        let data = c.object("data")?;
        c.require("id")?;
        let id = event_id(c, "id")?;
        c.require("kid")?;
        let kid = Kid::from_hex(c.plain("kid")?.as_bytes())
            .map_err(|_| broken("kid", "must be 32 lower-case hex digits"))?;
        let prev = c.take("prev").then(|| hash(c, "prev")).transpose()?.map(EventHash);
        c.require("seq")?;
        let seq = c.number("seq")?;
        if (seq == 0) != prev.is_none() {
            return Err(broken("prev", "is there if and only if seq is not 0"));
        }
        c.require("stream")?;
        let stream =
            StreamId::new(c.plain("stream")?).map_err(|_| broken("stream", "must be a stream id"))?;
        c.require("tenant")?;
        let tenant =
            TenantId::new(c.plain("tenant")?).map_err(|_| broken("tenant", "must be a tenant id"))?;
        c.require("time")?;
        let time = time(c.plain("time")?)?;
        c.require("type")?;
        let event_type = c.plain("type")?;
        if !is_event_type(event_type) {
            return Err(broken("type", "must be a dotted lower-case name with a version"));
        }
        c.require("v")?;
        if c.number("v")? != 1 {
            return Err(broken("v", "must be 1"));
        }
        end(cursor)?;
        let event_type = Cow::Borrowed(event_type);
        Ok(Self {
            id,
            event_type,
            tenant,
            stream,
            seq,
            prev,
            time,
            actor,
            cause,
            correlation,
            cmd,
            kid,
            data,
            sd,
        })
    }
}

fn end(cursor: Cursor<'_>) -> Read<()> {
    match cursor.leave() {
        Ok([]) => Ok(()),
        Ok(_) => Err(EventError::NoObject),
        Err(cursor) => Err(cursor.stranger().unwrap_or(broken("v", "must be the last member"))),
    }
}

fn actor(c: &mut Cursor<'_>) -> Read<Actor> {
    let mut inner = c.nested("actor")?;
    if !inner.take("id") {
        return Err(broken("actor", "must have the members id and kind"));
    }
    let id = command_id(&mut inner, "actor")?;
    if !inner.take("kind") {
        return Err(broken("actor", "must have the members id and kind"));
    }
    let kind = match inner.plain("actor")? {
        "user" => ActorKind::User,
        "api-key" => ActorKind::ApiKey,
        "probe" => ActorKind::Probe,
        "connector" => ActorKind::Connector,
        "system" => ActorKind::System,
        _ => return Err(broken("actor", "has an unknown kind")),
    };
    let rest = inner.leave().map_err(|_| broken("actor", "must have the members id and kind alone"))?;
    c.resume(rest);
    Ok(Actor { id, kind })
}

fn command_id(c: &mut Cursor<'_>, member: &'static str) -> Read<CommandId> {
    CommandId::new(c.text(member)?).map_err(|_| broken(member, "must be 1 to 160 visible ASCII characters"))
}

fn event_id(c: &mut Cursor<'_>, member: &'static str) -> Read<EventId> {
    let text = c.plain(member)?;
    let rule = broken(member, "must be a UUIDv7 in lower case with hyphens");
    let Ok(id) = uuid::Uuid::try_parse(text) else { return Err(rule) };
    let mut spelled = [0; 36];
    let same = id.hyphenated().encode_lower(&mut spelled) == text;
    if same && id.get_version_num() == 7 { Ok(EventId(id)) } else { Err(rule) }
}

fn hash(c: &mut Cursor<'_>, member: &'static str) -> Read<[u8; 32]> {
    b64::decode_url_32(c.plain(member)?.as_bytes())
        .ok_or(broken(member, "must be 43 characters of base64url"))
}

fn time(text: &str) -> Read<Timestamp> {
    let rule = broken("time", "must be UTC with microseconds, as in 2026-03-01T12:00:00.000000Z");
    let Ok(time) = text.parse::<Timestamp>() else { return Err(rule) };
    let mut spelled = [0; 27];
    time.write(&mut spelled);
    if spelled == text.as_bytes() { Ok(time) } else { Err(rule) }
}

fn digests(c: &mut Cursor<'_>) -> Read<Vec<[u8; 32]>> {
    if !c.byte(b'[') {
        return Err(broken("_sd", "must be an array"));
    }
    let mut digests = Vec::new();
    let mut before = "";
    loop {
        let text = c.plain("_sd")?;
        if text <= before {
            return Err(broken("_sd", "must be sorted, without repetition"));
        }
        before = text;
        let digest = b64::decode_url_32(text.as_bytes());
        digests.push(digest.ok_or(broken("_sd", "must hold digests of 43 characters of base64url"))?);
        if !c.byte(b',') {
            break;
        }
    }
    if c.byte(b']') { Ok(digests) } else { Err(broken("_sd", "must be an array")) }
}
