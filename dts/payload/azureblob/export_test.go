package azureblob

// NewClient is the client that a store has unless it is given one.
var NewClient = newClient
