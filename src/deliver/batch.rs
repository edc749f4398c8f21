//! Payloads -> batches: the bodies of requests, with the position of each document in them.
//!
//! A batch is a range of document indexes without a gap. It exceeds a limit only if it holds a single document. A batch of
//! several can be split between documents; both halves together hold exactly its documents.

use std::{fmt, io::Write as _, ops::Range};

use bytes::Bytes;

use crate::{
    config::profile::{
        destination::{BodyShape, Limits},
        settings::Compression,
    },
    recording::payload::Payload,
};

/// The documents of one request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The indexes of its documents.
    pub(crate) range: Range<u64>,
    /// The body before compression.
    pub(crate) body: Bytes,
    /// Where each document lies in the body.
    spans: Vec<Range<usize>>,
    shape: BodyShape,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("range", &self.range).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl Batch {
    /// How many documents it holds.
    pub(crate) fn documents(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Splits it in two halves, as equal in bytes as documents allow; `None` for a single document.
    pub(crate) fn split_in_half(&self) -> Option<(Batch, Batch)> {
        let middle = self.body.len() / 2;
        let split = self.spans.iter().position(|span| span.end > middle).unwrap_or(0);
        let split = split.clamp(1, self.spans.len().max(2) - 1);
        let (left, right) = self.spans.split_at_checked(split)?;
        let boundary = self.range.start + split as u64;
        (!left.is_empty() && !right.is_empty()).then(|| {
            (self.copy_part(self.range.start..boundary, left), self.copy_part(boundary..self.range.end, right))
        })
    }

    /// The same as `documents`, for places in the batch.
    pub(crate) fn count(&self) -> usize {
        self.spans.len()
    }

    /// The documents at these places in it.
    pub(crate) fn slice(&self, places: Range<usize>) -> Batch {
        let (start, end) = (places.start.min(self.spans.len()), places.end.min(self.spans.len()));
        let first = self.range.start;
        self.copy_part(first + start as u64..first + end as u64, &self.spans[start..end])
    }

    /// The bytes of its only document, or of the first of several.
    pub(crate) fn first_document(&self) -> &[u8] {
        self.spans.first().map_or(&[], |span| &self.body[span.clone()])
    }

    /// The bytes of each of its documents.
    pub(crate) fn each_document(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| &self.body[span.clone()])
    }

    /// The size of the largest body that holds a single one of its documents.
    pub(crate) fn largest_alone(&self) -> u64 {
        let around = self.shape.before().len() + self.shape.after().len();
        self.spans.iter().map(|span| (span.len() + around) as u64).max().unwrap_or_default()
    }

    fn copy_part(&self, range: Range<u64>, spans: &[Range<usize>]) -> Batch {
        let mut builder = BatchBuilder::new(self.shape.clone(), range.start);
        for span in spans {
            builder.push(&self.body[span.clone()]);
        }
        builder.finish()
    }
}

/// Collects payloads into batches.
pub(crate) struct Batches<I> {
    payloads: I,
    limits: Limits,
    shape: BodyShape,
    /// The payload that did not fit into the batch before.
    held: Option<Payload>,
}

/// The batches of these payloads; the limit in bytes may shrink while they are taken.
pub(crate) fn batches<I: Iterator<Item = Payload>>(payloads: I, limits: Limits, shape: BodyShape) -> Batches<I> {
    Batches { payloads, limits, shape, held: None }
}

impl<I: Iterator<Item = Payload>> Batches<I> {
    /// Limits the size of later batches, unless they hold a single document.
    pub(crate) fn limit_bytes(&mut self, bytes: u64) {
        self.limits.bytes = Some(self.limits.bytes.map_or(bytes, |limit| limit.min(bytes)));
    }

    /// Limits how many documents later batches hold.
    pub(crate) fn limit_documents(&mut self, documents: u64) {
        self.limits.documents = Some(self.limits.documents.map_or(documents, |limit| limit.min(documents)).max(1));
    }

    fn is_full(&self, builder: &BatchBuilder) -> bool {
        let documents = if self.shape.is_single() { 1 } else { self.limits.documents.unwrap_or(u64::MAX) };
        builder.spans.len() as u64 >= documents
    }

    fn fits(&self, builder: &BatchBuilder, payload: &Payload) -> bool {
        let size = builder.text.len() + 1 + payload.bytes().len() + self.shape.after().len();
        payload.index == builder.first + builder.spans.len() as u64
            && self.limits.bytes.is_none_or(|limit| size as u64 <= limit)
    }
}

impl<I: Iterator<Item = Payload>> Iterator for Batches<I> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let first = self.held.take().or_else(|| self.payloads.next())?;
        let mut builder = BatchBuilder::new(self.shape.clone(), first.index);
        builder.push(first.bytes());
        while !self.is_full(&builder) {
            match self.payloads.next() {
                Some(payload) if self.fits(&builder, &payload) => builder.push(payload.bytes()),
                other => {
                    self.held = other;
                    break;
                }
            }
        }
        Some(builder.finish())
    }
}

/// A batch while documents are added to it.
struct BatchBuilder {
    first: u64,
    text: Vec<u8>,
    spans: Vec<Range<usize>>,
    shape: BodyShape,
}

impl BatchBuilder {
    fn new(shape: BodyShape, first: u64) -> BatchBuilder {
        BatchBuilder { first, text: Vec::new(), spans: Vec::new(), shape }
    }

    fn push(&mut self, document: &[u8]) {
        self.text.extend_from_slice(if self.spans.is_empty() { self.shape.before() } else { b"," });
        let start = self.text.len();
        self.text.extend_from_slice(document);
        self.spans.push(start..self.text.len());
    }

    fn finish(mut self) -> Batch {
        self.text.extend_from_slice(self.shape.after());
        let range = self.first..self.first + self.spans.len() as u64;
        Batch { range, body: self.text.into(), spans: self.spans, shape: self.shape }
    }
}

/// Compresses a body for the wire. The same body always gives the same bytes.
pub(crate) fn compress(body: &Bytes, compression: Compression) -> Bytes {
    let written = match compression {
        Compression::None => return body.clone(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::bulk::compress(body, zstd::DEFAULT_COMPRESSION_LEVEL),
    };
    written.map_or_else(|error| unreachable!("writing to memory failed: {error}"), Bytes::from)
}

/// A batch of these documents, for tests of what an answer says about them.
#[cfg(test)]
pub(crate) fn test_batch(documents: &[serde_json::Value]) -> Batch {
    let mut builder = BatchBuilder::new(BodyShape::Array, 0);
    for document in documents {
        builder.push(document.to_string().as_bytes());
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use bytes::Bytes;

    use super::{Batch, batches, compress};
    use crate::{
        config::profile::{
            destination::{BodyEnvelope, BodyShape, Limits},
            settings::Compression,
        },
        recording::payload::Payload,
    };

    fn payloads(texts: &[&str]) -> impl Iterator<Item = Payload> {
        let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        (0..).zip(texts).map(|(index, text)| Payload::conforming(index, text))
    }

    fn bodies(batches: impl Iterator<Item = Batch>) -> Vec<String> {
        batches.map(|batch| format!("{:?} {}", batch.range, String::from_utf8_lossy(&batch.body))).collect()
    }

    /// Documents, and the halves of the batch that holds them all.
    type Halving<'a> = (&'a [&'a str], Option<(&'a str, &'a str)>);

    const NO_LIMITS: Limits = Limits { documents: None, bytes: None };

    #[test]
    fn batches_keep_to_both_limits() {
        let texts = ["1", "22", "333", "4444444444", "5"];
        let table: [(Limits, &[&str]); 5] = [
            (NO_LIMITS, &["0..5 [1,22,333,4444444444,5]"]),
            (Limits { documents: Some(2), bytes: None }, &["0..2 [1,22]", "2..4 [333,4444444444]", "4..5 [5]"]),
            (Limits { documents: None, bytes: Some(10) }, &["0..3 [1,22,333]", "3..4 [4444444444]", "4..5 [5]"]),
            (
                Limits { documents: None, bytes: Some(9) },
                &["0..2 [1,22]", "2..3 [333]", "3..4 [4444444444]", "4..5 [5]"],
            ),
            (
                Limits { documents: Some(1), bytes: Some(1) },
                &["0..1 [1]", "1..2 [22]", "2..3 [333]", "3..4 [4444444444]", "4..5 [5]"],
            ),
        ];
        for (limits, expected) in table {
            assert_eq!(bodies(batches(payloads(&texts), limits, BodyShape::Array)), expected, "{limits:?}");
        }
        assert!(bodies(batches(payloads(&[]), NO_LIMITS, BodyShape::Array)).is_empty());
    }

    #[test]
    fn an_envelope_is_around_every_batch_and_counts() {
        let around = BodyEnvelope { before: "{\"a\":[".into(), after: "],\"b\":1}".into() };
        let shape = BodyShape::Envelope(around.into());
        let limits = Limits { documents: None, bytes: Some(19) };
        let found: Vec<Batch> = batches(payloads(&["1", "22", "333", "4444444444"]), limits, shape).collect();
        let expected =
            ["0..2 {\"a\":[1,22],\"b\":1}", "2..3 {\"a\":[333],\"b\":1}", "3..4 {\"a\":[4444444444],\"b\":1}"];
        assert_eq!(bodies(found.clone().into_iter()), expected);
        assert_eq!(found[0].body.len(), 18);
        let (left, right) = found[0].split_in_half().unwrap();
        assert_eq!(bodies([left, right].into_iter()), ["0..1 {\"a\":[1],\"b\":1}", "1..2 {\"a\":[22],\"b\":1}"]);
        assert_eq!((found[0].first_document(), found[0].largest_alone()), (&b"1"[..], 16));
    }

    #[test]
    fn an_object_goes_alone_and_bare() {
        let found = bodies(batches(payloads(&["{}", "{\"a\":1}"]), NO_LIMITS, BodyShape::Object));
        assert_eq!(found, ["0..1 {}", "1..2 {\"a\":1}"]);
    }

    #[test]
    fn a_gap_in_the_indexes_ends_a_batch() {
        let gap = [0, 1, 5, 6].map(|index| Payload::conforming(index, b"1".to_vec()));
        let found = bodies(batches(gap.into_iter(), NO_LIMITS, BodyShape::Array));
        assert_eq!(found, ["0..2 [1,1]", "5..7 [1,1]"]);
    }

    #[test]
    fn halves_hold_what_the_whole_held() {
        let table: [Halving<'_>; 5] = [
            (&["1"], None),
            (&["1", "2"], Some(("0..1 [1]", "1..2 [2]"))),
            (&["1111111111", "2"], Some(("0..1 [1111111111]", "1..2 [2]"))),
            (&["1", "2222222222"], Some(("0..1 [1]", "1..2 [2222222222]"))),
            (&["1", "2", "3", "4"], Some(("0..2 [1,2]", "2..4 [3,4]"))),
        ];
        for (texts, expected) in table {
            let batch = batches(payloads(texts), NO_LIMITS, BodyShape::Array).next().unwrap();
            let halves = batch.split_in_half().map(|(left, right)| bodies([left, right].into_iter()));
            assert_eq!(halves, expected.map(|(left, right)| vec![left.into(), right.into()]), "{texts:?}");
        }
    }

    #[test]
    fn a_compressed_body_is_decompressed_to_the_same() {
        let body = Bytes::from("[1,2,3]".repeat(100));
        let mut plain = Vec::new();
        let gzip = compress(&body, Compression::Gzip);
        flate2::read::GzDecoder::new(gzip.as_ref()).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, body);
        let zstd = compress(&body, Compression::Zstd);
        assert_eq!(zstd::bulk::decompress(&zstd, 1 << 20).unwrap(), body);
        assert_eq!(compress(&body, Compression::None), body);
    }

    #[test]
    fn a_batch_shows_no_document() {
        let batch = batches(payloads(&["\"canary\""]), NO_LIMITS, BodyShape::Array).next();
        assert_eq!(format!("{batch:?}"), "Some(Batch { range: 0..1, bytes: 10, .. })");
    }
}
