//! A file as lines with their places, read once, in a buffer that grows only to the longest line.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// A longer line is passed over: it is images, and memory has a bound.
pub const LONGEST: usize = 16 * 1024 * 1024;
/// So much is read at a time.
const CHUNK: usize = 256 * 1024;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'b> {
    /// Where it begins.
    pub at: u64,
    /// Its bytes, without the newline.
    pub bytes: &'b [u8],
    /// It has its newline; the last one may have none yet.
    pub whole: bool,
    /// It was too long: its bytes are not here.
    pub long: bool,
}

/// See the module head.
pub struct Lines {
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    /// What of the buffer was handed out.
    from: usize,
    /// What of the buffer has no newline.
    seen: usize,
    /// Where in the file the buffer begins.
    base: u64,
    end: bool,
    /// A long line is being passed over that began here.
    skipping: Option<u64>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// Opens a transcript, unpacking it if it is packed, at a place.
pub fn open(path: &Path, offset: u64) -> io::Result<Lines> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    if is_packed(path) {
        let mut input = unpack(file)?;
        io::copy(&mut (&mut input).take(offset), &mut io::sink())?;
        return Ok(Lines::new(Box::new(input), offset));
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(Lines::new(Box::new(file), offset))
}

/// Tells whether a transcript is packed.
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

fn unpack(file: File) -> io::Result<impl Read> {
    // A window of more than this is no transcript's.
    const WINDOW: u64 = 64 * 1024 * 1024;
    let input = io::BufReader::new(file);
    ruzstd::decoding::StreamingDecoder::new_with_max_window_size(input, WINDOW)
        .map_err(io::Error::other)
}

/// Hashes the first bytes of a file and those before a place in it; `None` if it is shorter.
pub fn proof(path: &Path, offset: u64) -> io::Result<Option<(u64, u64)>> {
    let span = offset.min(super::cursor::TAIL);
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    if is_packed(path) {
        let mut input = unpack(File::open(path)?)?;
        (&mut input).take(span).read_to_end(&mut head)?;
        let middle = offset - span;
        // The tail may overlap the head.
        let skip = middle.saturating_sub(span);
        io::copy(&mut (&mut input).take(skip), &mut io::sink())?;
        let kept = usize::try_from(middle.min(span)).unwrap_or(0);
        tail.extend_from_slice(&head[kept.min(head.len())..]);
        (&mut input)
            .take(span - tail.len() as u64)
            .read_to_end(&mut tail)?;
    } else {
        let mut file = File::open(path)?;
        (&mut file).take(span).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(offset - span))?;
        file.take(span).read_to_end(&mut tail)?;
    }
    let whole = head.len() as u64 == span && tail.len() as u64 == span;
    let hash = crate::features::search::readers::hash;
    Ok(whole.then(|| (hash(&head), hash(&tail))))
}

impl Lines {
    fn new(input: Box<dyn Read>, base: u64) -> Self {
        Lines {
            input,
            buffer: Vec::new(),
            from: 0,
            seen: 0,
            base,
            end: false,
            skipping: None,
        }
    }

    /// Returns where the next line begins.
    pub fn place(&self) -> u64 {
        self.base + self.from as u64
    }

    /// Returns the next line.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let rest = &self.buffer[self.seen..];
            if let Some(found) = memchr::memchr(b'\n', rest) {
                let (from, to) = (self.from, self.seen + found);
                (self.from, self.seen) = (to + 1, to + 1);
                let at = self.base + from as u64;
                let long = self.skipping.take();
                let fits = long.is_none() && to - from <= LONGEST;
                let line = Line {
                    at: long.unwrap_or(at),
                    bytes: if fits {
                        trim(&self.buffer[from..to])
                    } else {
                        b""
                    },
                    whole: true,
                    long: !fits,
                };
                return Ok(Some(line));
            }
            self.seen = self.buffer.len();
            if self.end {
                let (from, to) = (self.from, self.buffer.len());
                if self.skipping.is_some() || from == to {
                    return Ok(None);
                }
                self.from = to;
                let at = self.base + from as u64;
                return Ok(Some(Line {
                    at,
                    bytes: trim(&self.buffer[from..to]),
                    whole: false,
                    long: false,
                }));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.skipping.is_none() && self.buffer.len() - self.from > LONGEST {
            self.skipping = Some(self.base + self.from as u64);
        }
        let gone = if self.skipping.is_some() {
            self.buffer.len()
        } else {
            self.from
        };
        self.buffer.drain(..gone);
        self.base += gone as u64;
        (self.from, self.seen) = (0, self.seen - gone);
        let length = self.buffer.len();
        // A line that goes on is read in larger and larger parts.
        let chunk = CHUNK.max(length / 2);
        self.buffer.reserve_exact(chunk);
        let read = (&mut self.input)
            .take(chunk as u64)
            .read_to_end(&mut self.buffer)?;
        self.end = read == 0;
        Ok(())
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u64, usize, bool, bool)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(bytes.to_vec())), 100);
        let mut all = Vec::new();
        while let Some(line) = lines.read().expect("memory can be read") {
            all.push((line.at, line.bytes.len(), line.whole, line.long));
        }
        all
    }

    #[test]
    fn lines_have_places_and_the_last_may_be_torn() {
        assert_eq!(
            read(b"ab\r\n\nc"),
            [
                (100, 2, true, false),
                (104, 0, true, false),
                (105, 1, false, false)
            ]
        );
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_in_bounded_memory() {
        let long = vec![b'x'; LONGEST + 3 * CHUNK];
        let mut bytes = b"a\n".to_vec();
        bytes.extend_from_slice(&long);
        bytes.extend_from_slice(b"\nlast\n");
        let after = 103 + long.len() as u64;
        assert_eq!(
            read(&bytes),
            [
                (100, 1, true, false),
                (102, 0, true, true),
                (after, 4, true, false)
            ]
        );
        assert_eq!(
            read(&bytes[..bytes.len() - 6]),
            [(100, 1, true, false)],
            "and one that still goes on is left"
        );
    }

    #[test]
    fn lines_are_the_same_whatever_their_length() {
        let text: Vec<u8> = (0..400)
            .flat_map(|n| [vec![b'a'; n * 37], vec![b'\n']].concat())
            .collect();
        let all = read(&text);
        assert_eq!(all.len(), 400);
        assert!(
            all.iter()
                .enumerate()
                .all(|(n, line)| line.1 == n * 37 && line.2)
        );
    }
}
