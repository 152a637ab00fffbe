//! A certificate for `localhost` and `127.0.0.1`, valid for a hundred years and trusted by nobody: for tests of TLS.
#![allow(dead_code)] // Each test crate uses its own part of it.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The CA that signed it.
const CA: &str = concat!(
    "MIIBnDCCAUGgAwIBAgIUO7yS4v112NwoPGuZA+Q2PNziOiswCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPcHJvbW90ZSB0ZXN0IENB",
    "MCAXDTI2MTEyMzA3MzIwMloYDzIxMjYxMDMwMDczMjAyWjAaMRgwFgYDVQQDDA9wcm9tb3RlIHRlc3QgQ0EwWTATBgcqhkjOPQIB",
    "BggqhkjOPQMBBwNCAATiAwzVbRnqJgNEFk8fCYT7YZUBTmuZCQJWeLWd/cidImpMoelWZG1dij9zCR+u1JKq6R1nNYGvf/f3OD8u",
    "O9tBo2MwYTAdBgNVHQ4EFgQUgeSvnvyesiQy32ic3hazHJJU1BMwHwYDVR0jBBgwFoAUgeSvnvyesiQy32ic3hazHJJU1BMwDwYD",
    "VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSQAwRgIhANhMph1uFSPN9CR26J9lQ7swMo0+vrZevvii",
    "fMo6gn0hAiEA7UWBIUaVq9cIg0qDMuBgchxeIj7dT7J7ynNpe1r+Dqk=",
);

/// The certificate.
const CERTIFICATE: &str = concat!(
    "MIIBsTCCAVagAwIBAgIUci7733Z0oJC5GpfaUSbn+QFeacAwCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPcHJvbW90ZSB0ZXN0IENB",
    "MCAXDTI2MTEyMzA3MzIwMloYDzIxMjYxMDMwMDczMjAyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO",
    "PQMBBwNCAATY9yclfjOsX5NQ3xNcz1j/+kAr5sctb/8xcJfHWuvoYEtY9cAjJFPxx/0bw/fyVLaez2p4lgyBEf03RLXQ7rO8o34w",
    "fDAJBgNVHRMEAjAAMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATATBgNVHSUEDDAKBggrBgEFBQcDATAdBgNVHQ4EFgQUHaJN",
    "YrESWMQTxqkXp/rGZjQgzGkwHwYDVR0jBBgwFoAUgeSvnvyesiQy32ic3hazHJJU1BMwCgYIKoZIzj0EAwIDSQAwRgIhAKQCGs3T",
    "U8Y4IQUV8jwuxR24AKc6ih3C3fdJkavuUvIHAiEAmtRRodlAzj25jFnCjAo+/mU+H6ni5GU5ARRIcgmYVrk=",
);

/// Its key; it guards nothing but these tests.
const KEY: &str = concat!(
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLnNCi7Dyo80l1zvXtzT/wcNfoUDwCLrE+YbOmaSe0cShRANCAATY",
    "9yclfjOsX5NQ3xNcz1j/+kAr5sctb/8xcJfHWuvoYEtY9cAjJFPxx/0bw/fyVLaez2p4lgyBEf03RLXQ7rO8",
);

/// Returns what makes a server speak TLS.
pub fn acceptor() -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config()))
}

/// The same for a server of HTTP/2 alone.
pub fn acceptor_of_http2() -> TlsAcceptor {
    let mut config = config();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn config() -> ServerConfig {
    let decode = |text| STANDARD.decode(text).unwrap();
    let key = PrivateKeyDer::try_from(decode(KEY)).unwrap();
    let chain = vec![CertificateDer::from(decode(CERTIFICATE))];
    ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
}

/// Writes the CA as a file that `ca:` and `SSL_CERT_FILE` take.
pub fn write_ca(path: &Path) {
    let begin = "-----BEGIN CERTIFICATE-----";
    std::fs::write(path, format!("{begin}\n{CA}\n-----END CERTIFICATE-----\n")).unwrap();
}
