//! A socket on loopback that hears everything and gives one fixed answer: the other host in tests of what leaks.
#![allow(dead_code)] // Each test crate uses its own part of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;

/// The listener; its thread ends with the test process.
pub struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Listener {
    /// Starts a listener that answers every connection's first bytes with `answer`, then closes.
    pub fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&heard), answer.into());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(count) = stream.read(&mut buffer) {
                    request.extend_from_slice(&buffer[..count]);
                    if count == 0 || request.windows(4).any(|end| end == b"\r\n\r\n") || request[0] == 0x16 {
                        break;
                    }
                }
                log.lock().unwrap().extend_from_slice(&request);
                stream.write_all(&answer).ok();
            }
        });
        Self { address, heard }
    }

    /// Starts a listener that answers 200 with a JSON body.
    pub fn json(body: &str) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        Self::start(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns every byte that came.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Returns every way in which a secret could be written: raw, base64 of `user:secret`, URL-encoded, JSON-escaped.
pub fn forms(user: &str, secret: &str) -> Vec<String> {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    vec![secret.to_owned(), base64(&format!("{user}:{secret}")), base64(secret), url, json.trim_matches('"').to_owned()]
}

/// Fails if a text holds a secret in any form.
pub fn assert_no_secret(text: &str, user: &str, secret: &str) {
    for form in forms(user, secret) {
        assert!(!text.contains(&form), "`{form}` leaked into: {text}");
    }
}
