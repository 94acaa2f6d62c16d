-- The change stream is signed and numbered anew: events that were read before it keep their order below its numbers.
UPDATE bank_event SET sequence = sequence - 1000000000;
UPDATE bank_attributes SET event_sequence = event_sequence - 1000000000 WHERE event_sequence IS NOT NULL;
UPDATE bank_change_cursor SET next = 0;
-- How far the stream was checked (JSON of the receiver library), and what is wrong with it:
-- unverified, incomplete, heartbeat, stopped
ALTER TABLE bank_change_cursor ADD COLUMN place {text};
ALTER TABLE bank_change_cursor ADD COLUMN trouble {text};
