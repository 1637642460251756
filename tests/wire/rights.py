"""Who may do what, written out: every frame that a client may send, by role, store and chat. Nothing here is computed.

A word is what the sender hears, and with it what everybody else does:

    ack      it is acknowledged and happens: EFFECT says what the store's agents and the chat's user hear
    opens    the same, and the message made a chat or opened it again: a `status` follows the `message`
    same     it is acknowledged, and is so already: nobody hears anything
    page     it is answered by a page, which nobody else hears of
    shown    no answer; the other side sees it
    marked   no answer; both sides see the mark move
    -        no answer, and nobody hears anything
    other    the code of the `error` that refuses it; nobody hears anything

Columns are stores and chats. For agents and supervisors:

    mine     a chat of my store that I own             hers     … that a colleague owns         free      … that waits for anybody
    closed   … that is closed                          none     a user without a chat there
    door     a store that exists, not in my token; a chat that is there
    door0    … and a user without a chat there         nowhere  a store that nobody ever founded, not in my token

For users, whose token names `mine` and `unborn`:

    mine     my chat in my store                       closed   … that is closed                none      I never wrote there
    theirs   I name another user, who has a chat       nobody   I name a user without a chat
    door     a store that exists, not in my token      door2    … and I name a user with a chat there
    nowhere  a store that nobody ever founded          unborn   the same, but my token names it
    any      a store of which a token without `stores` says nothing, and which exists            any0   … and which does not
"""

AGENT = """
frame           mine           hers             free         closed       none       door       door0      nowhere
send            ack            not_owner        not_claimed  closed       not_found  forbidden  forbidden  forbidden
send.stale      stale_claim    stale_claim      stale_claim  stale_claim  not_found  forbidden  forbidden  forbidden
note            ack            ack              ack          ack          not_found  forbidden  forbidden  forbidden
claim           same           already_claimed  ack          closed       not_found  forbidden  forbidden  forbidden
release         ack            not_owner        not_owner    not_owner    not_found  forbidden  forbidden  forbidden
release.stale   stale_claim    stale_claim      stale_claim  stale_claim  not_found  forbidden  forbidden  forbidden
transfer        ack            not_owner        not_owner    closed       not_found  forbidden  forbidden  forbidden
transfer.me     same           not_owner        not_owner    closed       not_found  forbidden  forbidden  forbidden
transfer.door   no_such_agent  not_owner        not_owner    closed       not_found  forbidden  forbidden  forbidden
transfer.none   no_such_agent  not_owner        not_owner    closed       not_found  forbidden  forbidden  forbidden
transfer.stale  stale_claim    stale_claim      stale_claim  stale_claim  not_found  forbidden  forbidden  forbidden
takeover        forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
requeue         forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
end             forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
rate            forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
resolve         ack            not_owner        not_owner    same         not_found  forbidden  forbidden  forbidden
resolve.stale   stale_claim    stale_claim      stale_claim  stale_claim  not_found  forbidden  forbidden  forbidden
read            ack            not_owner        not_owner    not_owner    not_found  forbidden  forbidden  forbidden
history         page           page             page         page         not_found  forbidden  forbidden  forbidden
chats           page           page             page         page         page       forbidden  forbidden  forbidden
search          page           page             page         page         not_found  forbidden  forbidden  forbidden
profile         page           page             page         page       page       forbidden  forbidden  forbidden
configure       forbidden      forbidden        forbidden    forbidden  forbidden  forbidden  forbidden  forbidden
context         page           page             page         page       not_found  forbidden  forbidden  forbidden
figures         forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
announce        forbidden      forbidden        forbidden    forbidden    forbidden  forbidden  forbidden  forbidden
availability    same           same             same         same         same       same       same       same
typing          shown          -                -            -            -          forbidden  forbidden  forbidden
received        -              -                -            -            -          forbidden  forbidden  forbidden
hello           bad_frame      bad_frame        bad_frame    bad_frame    bad_frame  bad_frame  bad_frame  bad_frame
"""

SUPERVISOR = """
frame           mine           hers             free           closed       none       door       door0      nowhere
send            ack            not_owner        not_claimed    closed       not_found  forbidden  forbidden  forbidden
send.stale      stale_claim    stale_claim      stale_claim    stale_claim  not_found  forbidden  forbidden  forbidden
note            ack            ack              ack            ack          not_found  forbidden  forbidden  forbidden
claim           same           already_claimed  ack            closed       not_found  forbidden  forbidden  forbidden
release         ack            not_owner        not_owner      not_owner    not_found  forbidden  forbidden  forbidden
release.stale   stale_claim    stale_claim      stale_claim    stale_claim  not_found  forbidden  forbidden  forbidden
transfer        ack            ack              ack            closed       not_found  forbidden  forbidden  forbidden
transfer.me     same           ack              ack            closed       not_found  forbidden  forbidden  forbidden
transfer.door   no_such_agent  no_such_agent    no_such_agent  closed       not_found  forbidden  forbidden  forbidden
transfer.none   no_such_agent  no_such_agent    no_such_agent  closed       not_found  forbidden  forbidden  forbidden
transfer.stale  stale_claim    stale_claim      stale_claim    stale_claim  not_found  forbidden  forbidden  forbidden
takeover        same           ack              ack            closed       not_found  forbidden  forbidden  forbidden
requeue         ack            ack              same           closed       not_found  forbidden  forbidden  forbidden
requeue.stale   stale_claim    stale_claim      stale_claim    stale_claim  not_found  forbidden  forbidden  forbidden
end             forbidden      forbidden        forbidden      forbidden    forbidden  forbidden  forbidden  forbidden
rate            forbidden      forbidden        forbidden      forbidden    forbidden  forbidden  forbidden  forbidden
resolve         ack            ack              ack            same         not_found  forbidden  forbidden  forbidden
resolve.stale   stale_claim    stale_claim      stale_claim    stale_claim  not_found  forbidden  forbidden  forbidden
read            ack            not_owner        not_owner      not_owner    not_found  forbidden  forbidden  forbidden
history         page           page             page           page         not_found  forbidden  forbidden  forbidden
chats           page           page             page           page         page       forbidden  forbidden  forbidden
search          page           page             page           page         not_found  forbidden  forbidden  forbidden
profile         page           page             page           page           page           forbidden  forbidden  forbidden
configure       ack            stale_profile    stale_profile  stale_profile  stale_profile  forbidden  forbidden  forbidden
context         page           page             page           page           not_found      forbidden  forbidden  forbidden
figures         page           page             page           page         page       forbidden  forbidden  forbidden
announce        ack            ack              ack            ack          ack        forbidden  forbidden  forbidden
availability    same           same             same           same         same       same       same       same
typing          shown          -                -              -            -          forbidden  forbidden  forbidden
received        -              -                -              -            -          forbidden  forbidden  forbidden
hello           bad_frame      bad_frame        bad_frame      bad_frame    bad_frame  bad_frame  bad_frame  bad_frame
"""

USER = """
frame        mine       closed     none       theirs     nobody     door       door2      nowhere    unborn         any        any0
send         ack        opens      opens      forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  opens      no_such_store
note         forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
claim        forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
release      forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
transfer     forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
takeover     forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
requeue      forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
end          ack        same       not_found  forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  not_found  no_such_store
rate         not_closed ack        not_found  forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  not_found  no_such_store
resolve      forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
read         ack        ack        not_found  forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  not_found  no_such_store
history      page       page       not_found  forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  not_found  no_such_store
chats        page       page       page       page       page       forbidden  forbidden  forbidden  no_such_store  page       no_such_store
search       forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
profile      page       page       page       page       page       forbidden  forbidden  forbidden  no_such_store  page       no_such_store
configure    forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
context      ack        ack        not_found  forbidden  forbidden  forbidden  forbidden  forbidden  no_such_store  not_found  no_such_store
figures      forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
announce     forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
availability forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden  forbidden      forbidden  forbidden
typing       shown      shown      -          forbidden  forbidden  forbidden  forbidden  forbidden  -              -          -
received     marked     marked     -          -          -          forbidden  forbidden  forbidden  -              -          -
hello        bad_frame  bad_frame  bad_frame  bad_frame  bad_frame  bad_frame  bad_frame  bad_frame  bad_frame      bad_frame  bad_frame
"""

EFFECT = {
    # The frame that happened: what the store's agents hear of the chat, and what the chat's user does.
    "send": ("message", "message"),
    "note": ("note", ""),
    "claim": ("status", "status"),
    "release": ("status", "status"),
    "transfer": ("status", "status"),
    "transfer.me": ("status", "status"),
    "takeover": ("status", "status"),
    "requeue": ("status", "status"),
    "end": ("status", "status"),
    "rate": ("note", ""),
    "resolve": ("status", "status"),
    "read": ("marks", "marks"),
    "configure": ("", ""),  # the profile, which is about no chat
    "context": ("context", ""),
    "announce": ("", ""),  # a notice, which is about no chat
}

TOKEN = """
fresh                     user          agent         supervisor
of mine                   -             -             -
of mine with a name       -             -             -
of another user           forbidden     forbidden     forbidden
of another agent          forbidden     forbidden     forbidden
of another supervisor     forbidden     forbidden     forbidden
of mine as a user         -             forbidden     forbidden
of mine as an agent       forbidden     -             forbidden
of mine as a supervisor   forbidden     forbidden     -
of mine and expired       forbidden     forbidden     forbidden
of mine, wrongly signed   forbidden     forbidden     forbidden
of mine, not signed       forbidden     forbidden     forbidden
of nobody                 forbidden     forbidden     forbidden
no token                  forbidden     forbidden     forbidden
"""
"""What follows a `token` frame: nothing, or the error, and then the session is closed with 4001. Nobody else hears anything."""
