//! Thrift's compact protocol, as far as Parquet's headers need it:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// The kind of a value, as it stands in the header of a field or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    I32 = 5,
    I64 = 6,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// Writes one struct after the other, and structs within structs.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// The number of the last field in each struct that is open.
    open: Vec<i16>,
}

impl Writer {
    /// A field of the open struct. Numbers go up, by less than 16.
    fn field(&mut self, number: i16, kind: Kind) {
        let last = self.open.last_mut().expect("a field stands in a struct");
        let step = number - *last;
        debug_assert!((1..16).contains(&step), "fields go up in small steps");
        *last = number;
        self.bytes.push((step as u8) << 4 | kind as u8);
    }

    pub(super) fn i32(&mut self, number: i16, value: i32) {
        self.field(number, Kind::I32);
        self.element(i64::from(value));
    }

    pub(super) fn i64(&mut self, number: i16, value: i64) {
        self.field(number, Kind::I64);
        self.element(value);
    }

    pub(super) fn text(&mut self, number: i16, text: &str) {
        self.field(number, Kind::Binary);
        self.text_element(text);
    }

    /// A list of so many, which follow.
    pub(super) fn list(&mut self, number: i16, kind: Kind, len: usize) {
        self.field(number, Kind::List);
        if len < 15 {
            self.bytes.push((len as u8) << 4 | kind as u8);
        } else {
            self.bytes.push(0xf0 | kind as u8);
            self.varint(len as u64);
        }
    }

    /// A number in a list.
    pub(super) fn element(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A text in a list.
    pub(super) fn text_element(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A struct in a list, or one that stands alone.
    pub(super) fn structure(&mut self, fields: impl FnOnce(&mut Self)) {
        self.open.push(0);
        fields(self);
        self.open.pop();
        self.bytes.push(0);
    }

    /// A field that is a struct.
    pub(super) fn field_structure(&mut self, number: i16, fields: impl FnOnce(&mut Self)) {
        self.field(number, Kind::Struct);
        self.structure(fields);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn varint(&mut self, value: u64) {
        varint(&mut self.bytes, value);
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
