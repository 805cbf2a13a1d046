//! The words of work with other systems: tasks, tickets, what is brought about, and how it ends.

use crate::choices;

choices! {
    /// What makes a route act.
    RouteTrigger {
        /// A control began to fail.
        ControlFailed = "control_failed",
        /// Somebody opened a task by hand.
        TaskOpenedByHand = "task_opened_by_hand",
    }
}

choices! {
    /// What a route does.
    RouteAction {
        /// A task, and a ticket for it.
        OpenTicket = "open_ticket",
        /// A task alone.
        OpenTask = "open_task",
    }
}

choices! {
    /// What happens to a field that both sides changed.
    ConflictPolicy {
        /// Our value is written.
        Ours = "ours",
        /// Their value is taken.
        Theirs = "theirs",
        /// Neither, until somebody decides.
        Hold = "hold",
    }
}

choices! {
    /// How a conflict ended.
    ConflictChoice {
        /// Our value is written.
        Ours = "ours",
        /// Their value is taken.
        Theirs = "theirs",
        /// Both sides came to the same value.
        Agreed = "agreed",
    }
}

choices! {
    /// Where a ticket stands, in words that every vendor's can be mapped to.
    TicketStatus {
        /// Nobody works on it yet.
        Open = "open",
        /// Someone does.
        InProgress = "in_progress",
        /// It waits for something.
        OnHold = "on_hold",
        /// The other side says that it is done. A claim, until evidence shows it.
        Resolved = "resolved",
        /// It is closed.
        Closed = "closed",
        /// It will not be done.
        Cancelled = "cancelled",
    }
}

impl TicketStatus {
    /// Does the other side call it over?
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed | Self::Cancelled)
    }
}

choices! {
    /// Which side did it.
    Side {
        /// The ledger.
        Us = "us",
        /// The other system, or people there.
        Them = "them",
    }
}

choices! {
    /// What is brought about in another system; the words of the adapter protocol.
    EffectKind {
        /// A ticket.
        Open = "open",
        /// Other values in a ticket.
        Update = "update",
        /// A comment.
        Comment = "comment",
        /// A file.
        Attach = "attach",
        /// Another status.
        Move = "move",
        /// Nothing: the ticket is read.
        Read = "read",
        /// Something that only a custom adapter knows.
        Custom = "custom",
    }
}

choices! {
    /// Why an intent is translated into requests.
    EffectPurpose {
        /// To carry it out.
        Perform = "perform",
        /// To find out whether it was carried out.
        Lookup = "lookup",
    }
}

choices! {
    /// What happens when a request is sent twice.
    RepeatRule {
        /// It changes nothing.
        Safe = "safe",
        /// Twice is as once.
        Same = "same",
        /// Twice is twice: a lost answer makes the outcome uncertain.
        Once = "once",
    }
}

choices! {
    /// Which kind of failure; the words of the adapter protocol.
    FailureWord {
        /// The other side is not reachable or not well.
        Unavailable = "unavailable",
        /// Too fast.
        RateLimited = "rate_limited",
        /// The credential is not taken.
        Unauthenticated = "unauthenticated",
        /// The account lacks a right.
        Forbidden = "forbidden",
        /// The configuration does not fit.
        NeedsConfiguration = "needs_configuration",
        /// The ticket is not there, or may not be seen.
        Missing = "missing",
        /// The workflow does not lead there from here.
        Blocked = "blocked",
        /// Both sides changed the same field.
        Conflict = "conflict",
        /// The ticket is closed for good.
        Closed = "closed",
        /// The request was wrong in itself.
        Rejected = "rejected",
        /// The answer makes no sense.
        Malformed = "malformed",
        /// The adapter cannot do this.
        Unsupported = "unsupported",
        /// Nobody could find out whether it was carried out.
        Uncertain = "uncertain",
        /// The adapter or its sandbox does not work.
        Adapter = "adapter",
    }
}

choices! {
    /// Why an intent is not carried out any more.
    CancelReason {
        /// Somebody asked for it.
        Requested = "requested",
        /// A newer intent takes its place.
        Superseded = "superseded",
        /// What it was for is over.
        Obsolete = "obsolete",
    }
}

choices! {
    /// Why a ticket is no longer kept in step.
    TicketEnd {
        /// The ticket is closed, as we wanted.
        Closed = "closed",
        /// It is gone, and nobody wants another.
        Waived = "waived",
        /// It was given up before it was opened.
        Abandoned = "abandoned",
    }
}

choices! {
    /// Why a task is over.
    CloseReason {
        /// Evidence shows it.
        Evidence = "evidence",
        /// Somebody called it off.
        Cancelled = "cancelled",
        /// The risk is accepted, perhaps until a day.
        AcceptedRisk = "accepted_risk",
    }
}

choices! {
    /// Who says that a task is done.
    ClaimSource {
        /// A ticket in another system.
        Ticket = "ticket",
        /// A user.
        User = "user",
    }
}

choices! {
    /// What a run of an integration does.
    RunKind {
        /// It reads what has changed since the last one.
        Poll = "poll",
        /// It sees whether the connection works.
        Health = "health",
        /// It compares every ticket.
        Reconcile = "reconcile",
        /// It sees that the other side sends its messages here.
        Subscribe = "subscribe",
        /// It ends that.
        Unsubscribe = "unsubscribe",
    }
}

choices! {
    /// What started a run.
    RunTrigger {
        /// The schedule.
        Schedule = "schedule",
        /// A person.
        Manual = "manual",
        /// A message of the other system.
        Hint = "hint",
    }
}

choices! {
    /// Why a run read less than everything. Nothing follows from what it did not see.
    RunGap {
        /// A page could not be read.
        Page = "page",
        /// It took too long.
        Deadline = "deadline",
        /// The server stopped.
        Stopped = "stopped",
        /// The other side limits the rate.
        RateLimited = "rate_limited",
    }
}

choices! {
    /// The method of a request.
    HttpMethod {
        /// Read.
        Get = "GET",
        /// Create, or a query with a body.
        Post = "POST",
        /// Replace.
        Put = "PUT",
        /// Change.
        Patch = "PATCH",
        /// Remove.
        Delete = "DELETE",
    }
}

choices! {
    /// What an exchange was for.
    ExchangePurpose {
        /// A task of an intent or a run.
        Task = "task",
        /// A token for the connection.
        Token = "token",
    }
}
