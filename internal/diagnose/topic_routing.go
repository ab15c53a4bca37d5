package diagnose

var routingRules = []rule{}
