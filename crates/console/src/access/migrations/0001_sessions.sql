-- Sign-ins of the operator's console. The hash binds the cookie's token to the access code.
CREATE TABLE console_session (
    token_hmac {blob} PRIMARY KEY,
    ends_at    {int} NOT NULL
);
