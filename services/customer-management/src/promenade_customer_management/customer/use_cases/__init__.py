"""Commands and queries of customers: what people do (`by_hand`) and what events tell (`facts`)."""
