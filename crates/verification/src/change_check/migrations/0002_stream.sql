-- Changes are entries of the change stream now (platform/change_stream), which begins anew: an unsigned row
-- cannot become a signed one.
DROP TABLE change_event;
DROP TABLE change_sequence;
