//! A signed assertion of who we are (RFC 7523), for the JWT bearer grant.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ledger::clock::Entropy;
use ledger::time::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

use crate::egress::redact::Secret;

/// How the assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// The key, and what the assertion claims.
#[derive(Debug, Clone)]
pub struct JwtKey {
    /// The private key, PKCS #8, PEM.
    pub key_pem: Secret,
    /// How it signs.
    pub algorithm: JwtAlgorithm,
    /// The key's name at the other side.
    pub key_id: String,
    /// `iss`.
    pub issuer: String,
    /// `sub`: the user on whose behalf.
    pub subject: String,
    /// `aud`. ServiceNow wants the client id here, others the token endpoint.
    pub audience: String,
}

/// The other side's clock may be this much behind: `iat` must not lie in its future.
const CLOCK_BEHIND_SECONDS: i64 = 30;
/// Long enough for one request.
const LIFE_SECONDS: i64 = 180;

impl JwtKey {
    /// An assertion for one exchange. Its `jti` is fresh each time: the other side takes each once.
    pub(super) fn assertion(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<String, String> {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        let issued = now.seconds() - CLOCK_BEHIND_SECONDS;
        let algorithm = match self.algorithm {
            JwtAlgorithm::Rs256 => "RS256",
            JwtAlgorithm::Es256 => "ES256",
        };
        let header = json!({ "alg": algorithm, "kid": self.key_id, "typ": "JWT" });
        let claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.audience,
            "iat": issued, "exp": issued + LIFE_SECONDS, "jti": format!("{:032x}", u128::from_be_bytes(id)),
        });
        let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", B64.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.key_pem.expose().as_bytes())
            .map_err(|error| format!("the key is no PKCS #8 PEM: {error}"))?;
        let der = key.secret_pkcs8_der();
        let random = SystemRandom::new();
        match self.algorithm {
            JwtAlgorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|error| format!("the RSA key: {error}"))?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|error| error.to_string())?;
                Ok(signature)
            }
            JwtAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                    .map_err(|error| format!("the P-256 key: {error}"))?;
                let signature = pair.sign(&random, message).map_err(|error| error.to_string())?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}
