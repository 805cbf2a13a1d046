//! What goes to another machine is encrypted, and the server is who it says.

mod support;

use std::path::Path;

use ledger_store_postgres::{OpenError, PostgresOptions, PostgresStore};

async fn open(url: &str, ca_file: Option<&Path>) -> Result<(), OpenError> {
    PostgresStore::open(PostgresOptions::at(url, ca_file)?).await.map(drop)
}

#[tokio::test]
async fn the_server_must_prove_who_it_is() {
    let server = support::TlsServer::start();
    let url = server.url("ledger", "localhost");
    open(&url, Some(server.ca())).await.unwrap();
    // Another authority, another name, and no encryption at all are each refused.
    let stranger = support::TlsServer::certificates(server.dir(), "stranger");
    let refused = open(&url, Some(&stranger)).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let refused = open(&server.url("ledger", "127.0.0.1"), Some(server.ca())).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let refused = open(&format!("{url}?sslmode=disable"), None).await.unwrap_err().to_string();
    assert!(refused.contains("pg_hba.conf"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_said() {
    for (url, told) in [
        ("postgres://u@db.example.org", "names no database"),
        ("postgres://u@localhost:x/db", "URL"),
        ("postgres://u@localhost:1/db", "cannot connect"),
    ] {
        let refused = open(url, None).await.unwrap_err().to_string();
        assert!(refused.contains(told), "{url}: {refused}");
    }
    let refused = open("postgres://u@db.example.org/db", Some(Path::new("/nowhere"))).await.unwrap_err();
    assert!(matches!(refused, OpenError::Certificates { .. }), "{refused}");
}

#[tokio::test]
async fn missing_rights_and_another_encoding_are_named() {
    let config = support::database().await;
    let admin = support::client(&config).await;
    let name = config.get_dbname().unwrap();
    admin
        .batch_execute(&format!("CREATE ROLE guest_{name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
        .await
        .unwrap();
    let mut guest = config.clone();
    guest.user(format!("guest_{name}"));
    let refused = PostgresStore::open(PostgresOptions::new(guest)).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("permission denied") && refused.contains("own the schema"), "{refused}");
    admin
        .batch_execute(&format!(
            "CREATE DATABASE latin_{name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        ))
        .await
        .unwrap();
    let mut latin = config.clone();
    latin.dbname(format!("latin_{name}"));
    let refused = PostgresStore::open(PostgresOptions::new(latin)).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Setting { setting: "server_encoding", .. }), "{refused}");
}
