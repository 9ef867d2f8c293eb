"""What other programs speak over sockets: datagrams of events, and the network format of dv-processing."""
