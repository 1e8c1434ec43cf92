"""Practices, staff, sign-up, sign-in, tokens, the door to the data, and the audit.

How the pages use this room. Functions that take no `db` open the doors themselves; each answer that changes what a
session opens is an `Issued` with a new token for the cookie.

    sign up        sign_up.request -> mail -> look_confirm (GET), confirm (POST) -> authenticator -> open_practice
    join           staff.invite -> mail -> invitations.look_invitation (GET), accept_invitation (POST) -> authenticator
    sign in        sign_in.with_password -> sign_in.second_factor, or authenticator.begin and confirm the first time
    every request  sessions.session_actor(token) -> SignedIn; `needs` says what comes next, `actor` is there at the end
    switch         sessions.enter(token, practice_id)
    forgotten      own_password.ask_reset -> mail -> look_reset (GET), reset (POST) -> sign in
    security page  sessions.my_sessions, end_session, sign_out_everywhere; own_password.change;
                   authenticator.replace_authenticator, renew_recovery_codes, codes_left
    the practice   practice, sites, payers, staff, qualifications, set_up, tokens, agreements: `(db, actor, ...)`
    programs       tokens.token_actor(bearer)
"""
