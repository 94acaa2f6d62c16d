//! Tests of the evaluation of responses.
