//! Parameters in, rows out.

use crate::StoreError;

/// A parameter or a column: absent or present.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A 64-bit integer.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be personal data: a log shows their type only.
        f.write_str(match self {
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Blob(_) => "Blob(…)",
        })
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($convert:expr);)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}

value_from! {
    i64 => Int(|v| v);
    i32 => Int(i64::from);
    u32 => Int(i64::from);
    bool => Int(i64::from);
    musubi_kernel::UnixTime => Int(|v: musubi_kernel::UnixTime| v.0);
    String => Text(|v| v);
    &str => Text(str::to_owned);
    &String => Text(String::clone);
    Vec<u8> => Blob(|v| v);
    &[u8] => Blob(<[u8]>::to_vec);
    [u8; 32] => Blob(|v: [u8; 32]| v.to_vec());
}

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row(pub(crate) Vec<(String, Value)>);

impl Row {
    fn find(&self, column: &'static str) -> Result<&Value, StoreError> {
        self.0
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| value)
            .ok_or(StoreError::Column(column))
    }

    /// The integer in `column`, if it is not null.
    ///
    /// # Errors
    /// [`StoreError::Column`] if there is no such column or it holds another type.
    pub fn int_opt(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        match self.find(column)? {
            Value::Int(value) => Ok(*value),
            Value::Text(None) | Value::Blob(None) => Ok(None),
            _ => Err(StoreError::Column(column)),
        }
    }

    /// The text in `column`, if it is not null.
    ///
    /// # Errors
    /// [`StoreError::Column`] if there is no such column or it holds another type.
    pub fn text_opt(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        match self.find(column)? {
            Value::Text(value) => Ok(value.clone()),
            Value::Int(None) | Value::Blob(None) => Ok(None),
            _ => Err(StoreError::Column(column)),
        }
    }

    /// The bytes in `column`, if it is not null.
    ///
    /// # Errors
    /// [`StoreError::Column`] if there is no such column or it holds another type.
    pub fn blob_opt(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.find(column)? {
            Value::Blob(value) => Ok(value.clone()),
            Value::Int(None) | Value::Text(None) => Ok(None),
            _ => Err(StoreError::Column(column)),
        }
    }

    /// The integer in `column`.
    ///
    /// # Errors
    /// [`StoreError::Column`] also if it is null.
    pub fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.int_opt(column)?.ok_or(StoreError::Column(column))
    }

    /// The time in `column`, kept as Unix seconds.
    ///
    /// # Errors
    /// [`StoreError::Column`] also if it is null.
    pub fn time(&self, column: &'static str) -> Result<musubi_kernel::UnixTime, StoreError> {
        self.int(column).map(musubi_kernel::UnixTime)
    }

    /// The text in `column`.
    ///
    /// # Errors
    /// [`StoreError::Column`] also if it is null.
    pub fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.text_opt(column)?.ok_or(StoreError::Column(column))
    }

    /// The bytes in `column`.
    ///
    /// # Errors
    /// [`StoreError::Column`] also if it is null.
    pub fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.blob_opt(column)?.ok_or(StoreError::Column(column))
    }

    /// The text in `column`, parsed.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the text is not one that this version writes.
    pub fn parsed<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }
}
