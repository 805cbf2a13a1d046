//! OAuth 2.0: every grant that the vendors use, renewed by one at a time, stored before use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ledger::clock::SeededEntropy;
use ledger_connectors::drive::End;
use ledger_connectors::egress::credential::{
    ClientAuth, CodeExchange, Credentials, Grant, JwtAlgorithm, JwtKey, MemoryTokens, OAuth, SaveError,
    Style, TokenError, TokenSet, TokenStore, Tokens,
};
use ledger_connectors::egress::{Secret, Target};
use ledger_connectors::protocol::{Outcome, Task};
use ledger_fakes::jira::{Access, Deployment, OAuthClient, Settings};
use ledger_fakes::{Fault, Rule, servicenow};

use crate::rig::{Local, Memory, Rig, client, clock, connection, policy};
use crate::{jira, servicenow as sn};

struct Setup<'a> {
    url: String,
    port: u16,
    grant: Grant,
    style: Style,
    client: (&'a str, &'a str),
    store: Arc<dyn TokenStore>,
}

impl Setup<'_> {
    fn tokens(self, memory: &Arc<Memory>) -> Tokens {
        let oauth = OAuth {
            token_url: Target::parse(&self.url, &policy(self.port)).expect("a URL"),
            client_id: self.client.0.into(),
            client_secret: Secret::new(self.client.1),
            grant: self.grant,
            style: self.style,
            client_auth: ClientAuth::Parameters,
            scope: None,
        };
        Tokens::new(
            oauth,
            client(self.port),
            self.store,
            memory.clone(),
            clock(),
            Arc::new(SeededEntropy::new(3)),
        )
    }
}

pub(crate) async fn suite() -> usize {
    let mut passed = 0;
    for deployment in [Deployment::Cloud, Deployment::DataCenter] {
        by_code(deployment).await;
        passed += 1;
    }
    every_servicenow_grant().await;
    stored_before_use().await;
    lost_renewal().await;
    passed + 3
}

const CLIENT: (&str, &str) = ("client-1", "client-secret-canary");

fn jira_settings(deployment: Deployment, life_seconds: i64) -> Settings {
    let client = OAuthClient {
        id: CLIENT.0.into(),
        secret: CLIENT.1.into(),
        code: "code-canary-1".into(),
        life_seconds,
    };
    Settings {
        deployment,
        access: Access { client: Some(client), ..Access::default() },
        ..Settings::default()
    }
}

fn jira_setup(
    server: &ledger_fakes::Server<ledger_fakes::jira::Jira>,
    store: Arc<dyn TokenStore>,
) -> Setup<'static> {
    let (path, style) = match server.fake.deployment() {
        Deployment::Cloud => ("/oauth/token", Style::Json),
        Deployment::DataCenter => ("/rest/oauth2/latest/token", Style::Query),
    };
    Setup {
        url: format!("{}{path}", server.url()),
        port: server.address.port(),
        grant: Grant::AuthorizationCode,
        style,
        client: CLIENT,
        store,
    }
}

fn code() -> CodeExchange {
    CodeExchange {
        code: Secret::new("code-canary-1"),
        redirect_uri: "https://ledger.example/callback".into(),
        verifier: Some(Secret::new("verifier-canary")),
    }
}

/// A code once, then refresh tokens; twenty requests at the end of a token's life renew it once.
async fn by_code(deployment: Deployment) {
    // A life below the margin: each token is renewed before it is used.
    let server = jira::fake(jira_settings(deployment, 30)).await;
    let memory = Arc::new(Memory::default());
    let store = Arc::new(MemoryTokens::default());
    let tokens = jira_setup(&server, store.clone()).tokens(&memory);
    let before = tokens.current().await;
    assert!(matches!(before, Err(TokenError::Refused(_))), "nobody has authorised it yet: {before:?}");
    let tokens = jira_setup(&server, store.clone()).tokens(&memory);
    tokens.exchange_code(&code()).await.expect("the code is taken");
    assert_eq!(server.fake.counts().renewals, 0);
    let first = tokens.current().await.expect("a token");
    assert_eq!((server.fake.counts().renewals, first.version), (1, 2));

    let server = jira::fake(jira_settings(deployment, 3600)).await;
    let store = Arc::new(MemoryTokens::default());
    let tokens = Arc::new(jira_setup(&server, store.clone()).tokens(&memory));
    let set = tokens.exchange_code(&code()).await.expect("the code is taken");
    let rejected = (0..20).map(|_| {
        let tokens = tokens.clone();
        tokio::spawn(async move { tokens.renew(set.version).await.map(|set| set.version) })
    });
    for task in rejected.collect::<Vec<_>>() {
        assert_eq!(task.await.expect("joined"), Ok(2), "all get the one new set");
    }
    assert_eq!(server.fake.counts().renewals, 1, "single flight");

    // Through the gateway, with a token that the site has meanwhile forgotten: renewed once, sent again.
    let base = match deployment {
        Deployment::Cloud => format!("{}/ex/jira/11223344-a1b2-3b33-c444-def123456789", server.url()),
        Deployment::DataCenter => server.url(),
    };
    let stale = TokenSet { version: 3, access: Secret::new("forgotten-token"), ..set_of(&store).await };
    store.save(2, &stale).await.expect("saved");
    let tokens = jira_setup(&server, store.clone()).tokens(&memory);
    let connection = connection(&base, server.address.port(), Credentials::OAuth(Box::new(tokens)), &memory);
    let adapter = Local::new("jira", &jira::config(deployment));
    let rig = Rig { adapter, connection, memory };
    let health = rig.run(&Task::Health {}).await;
    assert!(matches!(health, End::Done(Outcome::Health(_))), "{health:?}");
    assert_eq!(set_of(&store).await.version, 4);
    let seen = format!("{:?}", rig.memory.exchanges.lock().expect("not poisoned"));
    for secret in [
        "client-secret-canary",
        "code-canary",
        "verifier-canary",
        "access-token-0",
        "refresh-token-0",
        "forgotten-token",
    ] {
        assert!(!seen.contains(secret), "{secret} stands in an exchange");
    }
    // The grant is over: the work waits, and nobody asks again and again.
    server.fake.revoke(true);
    let requests = server.fake.counts().renewals;
    for _ in 0..5 {
        let end = rig.run(&Task::Health {}).await;
        assert!(matches!(end, End::Done(Outcome::Failed(_))), "{end:?}");
    }
    assert_eq!(server.fake.counts().renewals, requests + 1, "one refusal is enough");
}

async fn set_of(store: &MemoryTokens) -> TokenSet {
    store.load().await.expect("loads").expect("a set")
}

async fn every_servicenow_grant() {
    let server = sn::fake(servicenow::Settings::default()).await;
    let memory = Arc::new(Memory::default());
    let setup = |grant, store: Arc<dyn TokenStore>| Setup {
        url: format!("{}/oauth_token.do", server.url()),
        port: server.address.port(),
        grant,
        style: Style::Form,
        client: ("fakeclient0001", "fake-client-secret"),
        store,
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let jwt = JwtKey {
        key_pem: Secret::new(key.serialize_pem()),
        algorithm: JwtAlgorithm::Es256,
        key_id: "key-1".into(),
        issuer: "fakeclient0001".into(),
        subject: "ledger@example.org".into(),
        audience: "fakeclient0001".into(),
    };
    let password =
        Grant::Password { user: "ledger.integration".into(), password: Secret::new("fake-password-0001") };
    for grant in [Grant::ClientCredentials, password, Grant::JwtBearer(jwt), Grant::AuthorizationCode] {
        let needs_code = matches!(grant, Grant::AuthorizationCode);
        let tokens = setup(grant, Arc::new(MemoryTokens::default())).tokens(&memory);
        if needs_code {
            let code = CodeExchange { code: Secret::new("fake-code-0001"), ..code() };
            tokens.exchange_code(&code).await.expect("the code is taken");
        }
        let first = tokens.current().await.expect("a token");
        // A second assertion has another id, or it would be refused.
        let second = tokens.renew(first.version).await.expect("another token");
        assert!(second.version > first.version);
        let credentials = Credentials::OAuth(Box::new(tokens));
        let connection = connection(&server.url(), server.address.port(), credentials, &memory);
        let rig =
            Rig { adapter: Local::new("servicenow", &sn::config()), connection, memory: memory.clone() };
        let health = rig.run(&Task::Health {}).await;
        assert!(matches!(health, End::Done(Outcome::Health(_))), "{health:?}");
    }
    let wrong =
        Grant::Password { user: "ledger.integration".into(), password: Secret::new("wrong-password") };
    let refused = setup(wrong, Arc::new(MemoryTokens::default())).tokens(&memory).current().await;
    assert!(matches!(refused, Err(TokenError::Refused(_))), "{refused:?}");
    let seen = format!("{:?}", memory.exchanges.lock().expect("not poisoned"));
    assert!(
        !seen.contains("fake-password")
            && !seen.contains("fake-client-secret")
            && !seen.contains("sn-access-token")
    );
}

/// Refuses to store until it is told otherwise.
#[derive(Default)]
struct Stubborn {
    broken: AtomicBool,
    inner: MemoryTokens,
}

#[async_trait]
impl TokenStore for Stubborn {
    async fn load(&self) -> Result<Option<TokenSet>, String> {
        self.inner.load().await
    }

    async fn save(&self, expected: u64, set: &TokenSet) -> Result<(), SaveError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(SaveError::Failed("the disk is full".into()));
        }
        self.inner.save(expected, set).await
    }
}

async fn stored_before_use() {
    let server = jira::fake(jira_settings(Deployment::Cloud, 3600)).await;
    let memory = Arc::new(Memory::default());
    let store = Arc::new(Stubborn::default());
    let tokens = jira_setup(&server, store.clone()).tokens(&memory);
    let first = tokens.exchange_code(&code()).await.expect("stored");
    store.broken.store(true, Ordering::SeqCst);
    let unsaved = tokens.renew(first.version).await;
    assert!(
        matches!(unsaved, Err(TokenError::Store(_))),
        "a token that is not stored is not used: {unsaved:?}"
    );
}

/// The answer of a renewal is lost: it is an outage, not a refusal, and the stored set stays.
async fn lost_renewal() {
    let server = jira::fake(jira_settings(Deployment::Cloud, 3600)).await;
    let memory = Arc::new(Memory::default());
    let store = Arc::new(MemoryTokens::default());
    let tokens = jira_setup(&server, store.clone()).tokens(&memory);
    let first = tokens.exchange_code(&code()).await.expect("stored");
    server.faults.add(Rule::next("POST", "/oauth/token", Fault::LoseRequest));
    let lost = tokens.renew(first.version).await;
    assert!(matches!(lost, Err(TokenError::Unavailable(_))), "{lost:?}");
    assert_eq!(set_of(&store).await.version, 1);
    assert_eq!(tokens.renew(first.version).await.map(|set| set.version), Ok(2));
}
