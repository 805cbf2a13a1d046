use ledger::time::Timestamp;
use ledger_aggregates::values::{CheckResult, ControlStatus};
use serde_json::json;

use super::*;

#[test]
fn times_are_shown_in_utc_and_days_are_read() {
    let time: Timestamp = "2026-03-01T12:34:56.789000Z".parse().expect("a time");
    let at = At::from(time);
    assert_eq!((at.short.as_str(), at.clock.as_str()), ("2026-03-01 12:34:56", "12:34:56.789"));
    assert_eq!(day_end("2026-03-01").expect("a day"), day_start("2026-03-02").expect("a day"));
    for wrong in ["", "2026-3-1", "2026-02-30", "yesterday", "2026-03-01T00:00:00Z"] {
        assert!(day_start(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn words_are_said_as_people_say_them() {
    assert_eq!(spoken("not_applicable"), "Not applicable");
    assert_eq!(event_words("ledger.evidence.submitted.v1"), "Evidence submitted");
    assert_eq!(event_words("ledger.control.status_changed.v1"), "Control status changed");
    assert_eq!(duration_words(3600), "1 h");
    assert_eq!(duration_words(90_061), "1 d 1 h");
    assert_eq!(duration_words(0), "0 s");
    assert_eq!(size_words(512), "512 KiB");
    assert_eq!(size_words(1536), "1.5 MiB");
}

#[test]
fn every_status_and_result_has_a_word_and_a_shape() {
    use ControlStatus as S;
    let all = [S::Unknown, S::Pass, S::Fail, S::NotApplicable, S::Inconclusive, S::Error, S::Stale];
    let marks: std::collections::BTreeSet<_> = all.map(|status| status_mark(status).label).into();
    assert_eq!(marks.len(), all.len());
    assert_eq!(result_mark(CheckResult::Fail), status_mark(S::Fail));
    assert_eq!(state_mark("what-nobody-knows").class, "unknown");
}

#[test]
fn a_score_counts_what_was_assessed_and_applies() {
    let counts = [("fail", 1), ("pass", 3), ("not_applicable", 4), ("unknown", 8)];
    let score = Score::new("F".into(), "/f".into(), &counts);
    assert_eq!((score.percent.as_str(), score.assessed), ("75 %", 4));
    let widths: Vec<_> = score.segments.iter().map(|part| part.width.as_str()).collect();
    assert_eq!(widths, ["6.25", "18.75", "25.00", "50.00"]);
    assert_eq!(Score::new("F".into(), "/f".into(), &[("unknown", 5)]).percent, "–");
    assert_eq!(Score::new("F".into(), "/f".into(), &[]).percent, "–");
}

#[test]
fn addresses_escape_what_they_carry() {
    assert_eq!(
        address("/audit", &[("q", "a b&c=d\"<é"), ("kind", "")]),
        "/audit?q=a%20b%26c%3Dd%22%3C%C3%A9"
    );
    let pager = Pager::new("/audit", &[("q", "x")], Some("here"), Some("there".into()));
    assert_eq!(pager.first.as_deref(), Some("/audit?q=x"));
    assert_eq!(pager.next.as_deref(), Some("/audit?q=x&cursor=there"));
    assert!(Pager::new("/audit", &[], Some(""), None).first.is_none());
}

#[test]
fn streams_lead_to_their_pages() {
    assert_eq!(stream_href("evidence-0190"), "/evidence/0190");
    assert_eq!(stream_href("control-nist-800-53.ac-2.1"), "/frameworks/nist-800-53/ac-2.1");
    assert_eq!(stream_href("key-abc"), "/audit?q=key-abc");
    assert_eq!(stream_href("odd"), "/audit?q=odd");
}

#[test]
fn hidden_controls_of_direction_are_spelled_out() {
    assert_eq!(visible("invoice\u{202e}txt.exe"), "invoice⟨U+202E⟩txt.exe");
    assert_eq!(visible("שלום عربي 👩\u{200d}👧"), "שלום عربي 👩\u{200d}👧");
}

#[test]
fn json_of_any_size_is_cut_to_what_a_page_can_hold() {
    let (text, cut) = text_of(&json!("é".repeat(10_000)));
    assert!(cut && text.chars().count() == 4_000);
    let wide = serde_json::Value::Object((0..500).map(|n| (format!("k{n}"), json!(n))).collect());
    assert_eq!(facts_of(&wide).len(), 64);
    let (shown, more) = findings_of(Some(&json!(vec![json!({"a": 1}); 300])));
    assert_eq!((shown.len(), more), (200, 100));
    assert!(findings_of(None).0.is_empty());
    assert!(findings_of(Some(&json!([null, {}]))).0.is_empty());
}
