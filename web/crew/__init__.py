"""`dibs serve --workers N`: one master and N workers, each a node in a process of its own, on one port.

        master: binds the port, runs the private server, starts and watches the workers, says no word in any chat
          |  a pair of sockets each: what to do, how it goes (`web.crew.message`); the listening socket is handed over on it
          +-- worker 1   accepts from the one queue of the kernel: who is killed takes no connection along that nobody has accepted yet
          +-- worker 2   is started by exec, so that it runs the code and the settings of the moment
          +-- …          ends when the master is gone, however that went: its end of the pair is closed then

What one is asked and all must answer (`/metrics`) goes through the master. There are no other ways between the workers: what they share
of chats they share through the storage, as nodes on different machines do.
"""
