//! Scripts, styles and icons, embedded in the binary.
//!
//! All of them stand under one directory whose name is the hash over all of their contents. A new build has new
//! addresses, so that every answer can be kept forever, and scripts can import each other by relative names.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Its path below the directory of all assets.
    pub name: &'static str,
    /// Its media type.
    pub media: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal => $media:ident,)*) => {
        /// Every embedded file.
        pub const ASSETS: &[Asset] = &[$(
            Asset { name: $name, media: $media, bytes: include_bytes!(concat!("assets/", $name)) },
        )*];
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";

assets! {
    "css/base.css" => STYLE,
    "css/parts.css" => STYLE,
    "icon.svg" => ICON,
    "js/chart.mjs" => SCRIPT,
    "js/console.mjs" => SCRIPT,
    "js/live.mjs" => SCRIPT,
    "js/verify-page.mjs" => SCRIPT,
    "vendor/htmx.min.js" => SCRIPT,
    "vendor/uplot.min.css" => STYLE,
    "vendor/uplot.min.js" => SCRIPT,
    "verify/bytes.mjs" => SCRIPT,
    "verify/ed25519.mjs" => SCRIPT,
    "verify/event.mjs" => SCRIPT,
    "verify/json.mjs" => SCRIPT,
    "verify/keyring.mjs" => SCRIPT,
    "verify/merkle.mjs" => SCRIPT,
    "verify/note.mjs" => SCRIPT,
    "verify/policy.mjs" => SCRIPT,
    "verify/verify.mjs" => SCRIPT,
}

static BASE: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        // Lengths first, so that no two sets of files run together to the same bytes.
        hash.update((asset.name.len() as u64).to_be_bytes());
        hash.update(asset.name);
        hash.update((asset.bytes.len() as u64).to_be_bytes());
        hash.update(asset.bytes);
    }
    let digest = hash.finalize();
    let hex: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/assets/{hex}")
});

/// Where this build's assets are, without a slash at the end.
pub fn base() -> &'static str {
    &BASE
}

/// `GET /assets/{build}/{*name}`
pub async fn serve(Path((build, name)): Path<(String, String)>) -> Response {
    let this_build = base().strip_prefix("/assets/") == Some(build.as_str());
    match ASSETS.iter().find(|asset| this_build && asset.name == name) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, HeaderValue::from_static(asset.media)),
                (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            ],
            asset.bytes,
        )
            .into_response(),
        // A page of an older build asks for older files: it is told that they are gone, and keeps nothing of it.
        None => (crate::error::NOT_FOUND.http(), [(header::CACHE_CONTROL, "no-store")]).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn the_vendored_files_are_the_ones_that_were_taken() {
        let sums = include_str!("assets/vendor/SHA256SUMS");
        let mut checked = 0;
        for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
            let asset =
                ASSETS.iter().find(|asset| asset.name == format!("vendor/{name}")).expect("it is embedded");
            let found: String =
                Sha256::digest(asset.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, sum, "{name}");
            checked += 1;
        }
        assert_eq!(checked, ASSETS.iter().filter(|asset| asset.name.starts_with("vendor/")).count());
    }

    #[test]
    fn own_scripts_use_nothing_that_the_policy_forbids_and_no_other_host() {
        for asset in ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/")) {
            let text = std::str::from_utf8(asset.bytes).expect("UTF-8");
            for word in
                ["eval(", "new Function", "http://", "https://", "setAttribute(\"style", "<style", "onclick="]
            {
                let allowed = asset.name == "icon.svg" && word == "http://";
                assert!(allowed || !text.contains(word), "{} has {word}", asset.name);
            }
        }
    }

    #[tokio::test]
    async fn an_asset_is_kept_forever_and_only_under_its_builds_name() {
        let build = base().strip_prefix("/assets/").expect("the base").to_owned();
        let answer = serve(Path((build, "css/base.css".into()))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers()[header::CACHE_CONTROL].to_str().expect("text").contains("immutable"));
        let other = serve(Path(("0000000000000000".into(), "css/base.css".into()))).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
}
