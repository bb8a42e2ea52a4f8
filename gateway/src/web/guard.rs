//! Which requests are answered, and the headers of every answer.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Scripts, styles and data from here only; nothing inline; no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers only those who asked for this machine by a name that no stranger can point at it, and puts the headers on.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_ours(request.headers()) {
        next.run(request).await
    } else {
        let text = "This page answers to an IP address, to `localhost`, and to names of the local network.\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the `Host` is an address, `localhost`, a name without a dot or one under `.local`. Anybody can register
/// another name, let it point here, and have a visitor's browser read the page for them (DNS rebinding).
fn is_ours(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok());
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || (!name.is_empty() && !name.contains('.'))
        || name.ends_with(".localhost")
        || name.ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(host: &str) -> bool {
        is_ours(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]))
    }

    #[test]
    fn answers_to_names_that_no_stranger_controls() {
        for host in
            ["127.0.0.1:8080", "[::1]:8080", "[fe80::1]", "192.168.1.7", "localhost:80", "LOCALHOST", "pi"]
        {
            assert!(ours(host), "{host}");
        }
        assert!(ours("raspberrypi.local:8080") && ours("city.localhost"));
    }

    #[test]
    fn does_not_answer_to_names_that_anybody_can_register() {
        for host in
            ["example.com", "localhost.example.com:8080", "127.0.0.1.nip.io", "[evil.example]", "", "."]
        {
            assert!(!ours(host), "{host}");
        }
        assert!(!is_ours(&HeaderMap::new()));
    }
}
