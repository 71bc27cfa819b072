//! A server on loopback that hands over what it was asked and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

/// A request: its line and headers, and its body.
pub type Request = (String, String);

/// Serves until nobody listens; `answer` is told which request it is and its body, and `None` never answers but keeps
/// the connection. Returns where it serves, and what it is asked.
pub fn serve(
    mut answer: impl FnMut(usize, &str) -> Option<String> + Send + 'static,
) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap_or(0) < 3 {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("the body");
            let body = String::from_utf8(body).expect("text");
            let answer = answer(turn, &body);
            if sender.send((head, body)).is_err() {
                return;
            }
            match answer {
                None => std::mem::forget(stream),
                Some(answer) => stream
                    .get_mut()
                    .write_all(answer.as_bytes())
                    .expect("it listens"),
            }
        }
    });
    (format!("http://127.0.0.1:{port}"), receiver)
}

/// An answer with a body, after which the connection ends.
pub fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
