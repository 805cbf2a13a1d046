//! Names on the server: one stream of work and one of what is stuck for each user of a server, told apart by a prefix and
//! the user's own name.

/// Pieces of work that one process at a time works on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whose.
    pub owner: String,
    /// Which of them.
    pub name: String,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// Where it waits.
    pub lane: Lane,
    /// Which it is, in its lane.
    pub id: String,
}

/// What the streams and subjects of one user are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    base: String,
    root: String,
}

impl Names {
    /// Those of the user `name` below `prefix`, a token of the operator's choice.
    pub fn new(prefix: &str, name: &str) -> Self {
        let name = escape(name);
        Self { base: format!("{prefix}-{name}"), root: format!("{prefix}.{name}.work") }
    }

    /// The stream of work.
    pub fn work(&self) -> String {
        format!("{}-work", self.base)
    }

    /// The stream of advisories: what was handed out too often.
    pub fn stuck(&self) -> String {
        format!("{}-stuck", self.base)
    }

    /// All subjects of work.
    pub fn all(&self) -> String {
        format!("{}.>", self.root)
    }

    /// The subject of the advisories that [`Self::stuck`] keeps.
    pub(crate) fn advisories(&self) -> String {
        format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{}.*", self.work())
    }

    pub(crate) fn lane(&self, lane: &Lane) -> String {
        format!("{}.{}.{}.*", self.root, escape(&lane.owner), escape(&lane.name))
    }

    /// The name of a lane's consumer. No escaped name has a plus.
    pub(crate) fn consumer(lane: &Lane) -> String {
        format!("{}+{}", escape(&lane.owner), escape(&lane.name))
    }

    /// The subject of a piece.
    pub fn subject(&self, piece: &Piece) -> String {
        let Piece { lane, id } = piece;
        format!("{}.{}.{}.{}", self.root, escape(&lane.owner), escape(&lane.name), escape(id))
    }

    /// The piece of a subject; nothing: whoever published it was somebody else.
    pub(crate) fn piece(&self, subject: &str) -> Option<Piece> {
        let rest = subject.strip_prefix(&self.root)?.strip_prefix('.')?;
        let tokens: Vec<String> = rest.split('.').map(unescape).collect::<Option<_>>()?;
        let [owner, name, id] = <[String; 3]>::try_from(tokens).ok()?;
        Some(Piece { lane: Lane { owner, name }, id })
    }
}

/// One token of a subject, and part of a stream's name: what NATS gives a meaning (`.`, `*`, `>`, blanks), and what names
/// of files refuse, stands as `=` and two hex digits.
fn escape(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            token.push(char::from(byte));
        } else {
            token.push_str(&format!("={byte:02X}"));
        }
    }
    token
}

fn unescape(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(owner: &str, name: &str, id: &str) -> Piece {
        Piece { lane: Lane { owner: owner.into(), name: name.into() }, id: id.into() }
    }

    #[test]
    fn whatever_a_name_has_it_is_one_token_and_comes_back() {
        let names = Names::new("ledger", "ledger.example.org/a");
        assert_eq!(names.work(), "ledger-ledger=2Eexample=2Eorg=2Fa-work");
        for given in [piece("t-1", "jira.cloud", "a"), piece("*", ">", "=2E"), piece("a b", "ä", "\u{0}")] {
            let subject = names.subject(&given);
            assert_eq!(subject.split('.').count(), 6, "{subject}");
            assert!(!subject.contains(['*', '>', ' ', '/']), "{subject}");
            assert_eq!(names.piece(&subject), Some(given));
        }
    }

    #[test]
    fn what_is_of_somebody_else_is_no_piece() {
        let names = Names::new("ledger", "a");
        for foreign in
            ["ledger.b.work.t.i.1", "ledger.a.work.t.i", "ledger.a.work.t.i.1.2", "ledger.a.work.t.i.=2", "x"]
        {
            assert_eq!(names.piece(foreign), None, "{foreign}");
        }
        assert!(names.piece("ledger.a.work.t.i.1").is_some(), "control");
    }

    #[test]
    fn lanes_whose_names_look_alike_have_consumers_of_their_own() {
        let of = |owner: &str, name: &str| Names::consumer(&piece(owner, name, "").lane);
        for (one, other) in
            [(("a.b", "c"), ("a", "b.c")), (("a-b", "c"), ("a", "b-c")), (("a+b", "c"), ("a", "b+c"))]
        {
            assert_ne!(of(one.0, one.1), of(other.0, other.1));
        }
    }
}
