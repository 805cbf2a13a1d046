//! All that there is, and how it is told what happens.

use super::*;

pub(super) struct World {
    pub(super) routes: Vec<RouteRule>,
    pub(super) tasks: BTreeMap<StreamId, TaskState>,
    pub(super) tickets: BTreeMap<StreamId, TicketState>,
    pub(super) intents: BTreeMap<StreamId, IntentState>,
    pub(super) alerts: BTreeMap<StreamId, AlertState>,
    pub(super) clear: BTreeMap<StreamId, TicketValues>,
    pub(super) payloads: BTreeMap<StreamId, (IntegrationId, Value)>,
    pub(super) remotes: BTreeMap<TicketId, Remote>,
    /// Commands that gave events: as in the store, they are carried out once.
    pub(super) done: BTreeSet<CommandId>,
    pub(super) log: Vec<SeenEvent>,
    pub(super) reacted: usize,
    pub(super) writes: usize,
    pub(super) comments: Vec<String>,
    pub(super) now: Timestamp,
    /// The echo guard is off: what a read carries of our own writes, and how old it is, is not told.
    pub(super) is_deaf: bool,
    pub(super) creations: usize,
}

impl World {
    pub(super) fn new(routes: Vec<RouteRule>) -> Self {
        Self {
            routes,
            tasks: BTreeMap::new(),
            tickets: BTreeMap::new(),
            intents: BTreeMap::new(),
            alerts: BTreeMap::new(),
            clear: BTreeMap::new(),
            payloads: BTreeMap::new(),
            remotes: BTreeMap::new(),
            done: BTreeSet::new(),
            log: Vec::new(),
            reacted: 0,
            writes: 0,
            comments: Vec::new(),
            now: now(),
            is_deaf: false,
            creations: 0,
        }
    }

    pub(super) fn record(&mut self, stream: &StreamId, event: impl Into<AnyEvent>) {
        let event = event.into();
        let body = event.encode();
        let opened: Map<String, Value> =
            body.withheld.into_iter().map(|member| (member.name.to_owned(), member.value)).collect();
        // As from the log: what is classified is withheld.
        let event = AnyEvent::decode(event.event_type(), &body.public).unwrap().unwrap();
        let mut ticket = None;
        if let AnyEvent::Ticket(event) = &event {
            let values = self.clear.entry(stream.clone()).or_default();
            values.fold(event, &opened);
            ticket = Some(Box::new(values.clone()));
        }
        self.log.push(SeenEvent {
            tenant: tenant(),
            stream: stream.clone(),
            seq: self.log.iter().filter(|seen| seen.stream == *stream).count() as u64,
            id: EventId(Uuid::from_u128(1 + self.log.len() as u128)),
            correlation: None,
            actor: Actor { id: CommandId::new("reactor").unwrap(), kind: ActorKind::System },
            time: now(),
            event,
            opened,
            ticket,
        });
    }

    pub(super) fn order<A: Aggregate<Event: Into<AnyEvent>>>(
        &mut self,
        states: fn(&mut Self) -> &mut BTreeMap<StreamId, A::State>,
        stream: &StreamId,
        command: &A::Command,
    ) -> bool {
        let mut state = states(self).get(stream).cloned().unwrap_or_default();
        let Ok(events) = A::decide(&state, command, &DecideCtx { now: self.now }) else { return false };
        for event in &events {
            let body = event.encode();
            let told = A::Event::decode(event.event_type(), &body.public).unwrap().unwrap();
            state = A::evolve(state, &told);
        }
        states(self).insert(stream.clone(), state);
        for event in events {
            self.record(stream, event);
        }
        true
    }

    pub(super) fn task(&mut self, command: &TaskCommand) {
        self.order::<Task>(|world| &mut world.tasks, &task().stream(), command);
    }

    pub(super) fn ticket(&mut self, ticket: TicketId, command: &TicketCommand) {
        self.order::<Ticket>(|world| &mut world.tickets, &ticket.stream(), command);
    }

    pub(super) fn intent(&mut self, stream: &StreamId, command: &Wish) -> bool {
        self.order::<Work>(|world| &mut world.intents, stream, command)
    }

    /// Reacts to what is new, or again to the last `again` events.
    pub(super) fn react(&mut self, again: usize) {
        let from = self.reacted.saturating_sub(again);
        let batch = self.log[from..].to_vec();
        self.reacted = self.log.len();
        let (routes, title) = (self.routes.clone(), Some("Account Management".to_owned()));
        let around = Around {
            routes: &|_| routes.clone(),
            title: &|_, _| title.clone(),
            failure: &|_, failing| (*failing == control()).then_some(1),
            mac: &|_, value| Some(mac(value)),
            page: &|stream| Some(format!("https://l.example/{stream}")),
        };
        let intents: Vec<Intent> = tasks(&batch, &around)
            .into_iter()
            .chain(tickets(&batch, &around))
            .chain(alerts(&batch))
            .collect();
        for intent in intents {
            let (stream, before) = (intent.command.stream(), self.log.len());
            if self.done.contains(&intent.id) {
                continue;
            }
            match intent.command {
                IntentCommand::Task(_, command) => self.task(&command),
                IntentCommand::Ticket(ticket, command) => self.ticket(ticket, &command),
                IntentCommand::Alert(_, command) => {
                    self.order::<Alert>(|world| &mut world.alerts, &stream, &command);
                }
                IntentCommand::Intent(_, command) => {
                    if let Wish::Request { integration, payload, .. } = &command {
                        self.payloads
                            .entry(stream.clone())
                            .or_insert_with(|| (integration.clone(), payload.clone()));
                    }
                    self.intent(&stream, &command);
                }
                other => panic!("{other:?}"),
            }
            if self.log.len() > before {
                self.done.insert(intent.id);
            }
        }
    }
}
