//! What leaves for the other side, and what is read there.

use super::remote::state;
use super::*;

impl World {
    pub(super) fn due(&self) -> Option<StreamId> {
        let due = |state: &IntentState| matches!(state, IntentState::Open(work) if !matches!(work.phase, Phase::Parked { .. }));
        self.intents.iter().find(|(_, state)| due(state)).map(|(stream, _)| stream.clone())
    }

    /// Carries one intent out. `lost`: its answer does not arrive, so that it is looked up.
    pub(super) fn dispatch(&mut self, lost: bool) -> bool {
        let Some(stream) = self.due() else { return false };
        let (_, payload) = self.payloads[&stream].clone();
        let ticket: TicketId = payload["key"].as_str().unwrap().parse().unwrap();
        let effect = &payload["effect"];
        let uncertain = matches!(&self.intents[&stream],
            IntentState::Open(work) if matches!(work.phase, Phase::Uncertain { .. }));
        if uncertain {
            let sending = json!({});
            let lookup = Wish::Attempt {
                step: 1,
                purpose: EffectPurpose::Lookup,
                repeat: RepeatRule::Safe,
                unsent: false,
                sending,
            };
            assert!(self.intent(&stream, &lookup));
            if self.remotes.contains_key(&ticket) {
                self.succeed(&stream, ticket);
            } else {
                self.intent(&stream, &Wish::NotFound { not_before: now() });
            }
            return true;
        }
        let repeat = if effect.get("open").is_some() { RepeatRule::Once } else { RepeatRule::Same };
        let attempt = Wish::Attempt {
            step: 1,
            purpose: EffectPurpose::Perform,
            repeat,
            unsent: false,
            sending: json!({}),
        };
        assert!(self.intent(&stream, &attempt));
        if let Some(open) = effect.get("open") {
            self.creations += 1;
            let mut fields = open["facts"].as_object().unwrap().clone();
            fields.retain(|name, _| name == "severity");
            fields.insert("title".into(), open["title"].clone());
            let mut remote = Remote { id: format!("{}", self.creations), ..Remote::default() };
            remote.set(&fields, Some(TicketStatus::Open));
            assert!(self.remotes.insert(ticket, remote).is_none(), "one ticket for each obligation");
            if lost {
                assert!(self.intent(&stream, &Wish::Doubt { not_before: now(), detail: None }));
                return true;
            }
        } else if let Some(update) = effect.get("update") {
            let remote = self.remotes.get_mut(&ticket).unwrap();
            let (base, set) = (&payload["ticket"]["base"], update["set"].as_object().unwrap());
            let differs = |name: &str, value: &Value| remote.fields.get(name) != Some(value);
            let theirs: Map<String, Value> = set
                .iter()
                .filter(|(name, value)| {
                    differs(name, value) && !base[*name].is_null() && differs(name, &base[*name])
                })
                .map(|(name, _)| (name.clone(), remote.fields[name].clone()))
                .collect();
            if !theirs.is_empty() {
                let conflicts = seen_fields(&theirs);
                let detail = Some(json!({ "message": "both", "values": theirs }));
                return self
                    .intent(&stream, &Wish::Park { reason: FailureWord::Conflict, conflicts, detail });
            }
            if set.iter().any(|(name, value)| differs(name, value)) {
                let set = set.clone();
                remote.set(&set, None);
                self.writes += 1;
            }
        } else if let Some(comment) = effect.get("comment") {
            self.comments.push(comment["text"][0]["paragraph"].to_string());
            self.writes += 1;
        } else if let Some(target) = effect.get("move") {
            let status = target["status"].as_str().unwrap().parse().unwrap();
            self.remotes.get_mut(&ticket).unwrap().set(&Map::new(), Some(status));
            self.writes += 1;
        }
        self.succeed(&stream, ticket);
        true
    }

    pub(super) fn succeed(&mut self, stream: &StreamId, ticket: TicketId) {
        let remote = &self.remotes[&ticket];
        let succeed = Wish::Succeed {
            remote: Some(mac(&json!(remote.id))),
            receipts: vec![remote.mark()],
            seen: Some(remote.state()),
            result: json!({ "remote": { "id": remote.id }, "values": remote.fields }),
        };
        assert!(self.intent(stream, &succeed));
    }

    /// Reads every ticket, as it was `lag` changes ago.
    pub(super) fn poll(&mut self, lag: usize) {
        for (ticket, remote) in self.remotes.clone() {
            let old =
                remote.past.len().checked_sub(lag).and_then(|at| remote.past.get(at)).filter(|old| old.0 > 0);
            let (rank, fields, status) = match old {
                Some((rank, fields, status)) => (*rank, fields.clone(), *status),
                None => (remote.rank, remote.fields.clone(), remote.status),
            };
            let mut seen = state(&remote.id, rank, &fields, status);
            let mut receipts = vec![mac(&json!([remote.id, rank]))];
            if self.is_deaf {
                (seen.rank, seen.version) = (None, mac(&json!(self.log.len())));
                receipts.clear();
            }
            let observation = Observation { seen, receipts, values: fields, vendor_status: None, who: None };
            self.ticket(ticket, &TicketCommand::Observe(Box::new(observation)));
        }
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            let before = self.log.len();
            self.react(0);
            while self.dispatch(false) {
                self.react(0);
            }
            self.poll(0);
            if self.log.len() == before {
                return;
            }
        }
        panic!("no fixed point");
    }

    pub(super) fn fail(&mut self) {
        let raised: ControlEvent = ControlObservationRaised { epoch: 1, evidence: evidence(1) }.into();
        self.record(&control().stream(), raised);
    }

    pub(super) fn decide_conflicts(&mut self) {
        let field = FieldName::new("title").unwrap();
        for ticket in self.remotes.keys().copied().collect::<Vec<_>>() {
            for field in [field.clone(), FieldName::new("severity").unwrap()] {
                let resolve = TicketCommand::Resolve { field, choice: ConflictChoice::Theirs, note: None };
                self.ticket(ticket, &resolve);
            }
        }
    }

    pub(super) fn titles(&self) -> BTreeSet<String> {
        self.remotes.values().map(|remote| remote.fields["title"].to_string()).collect()
    }
}
