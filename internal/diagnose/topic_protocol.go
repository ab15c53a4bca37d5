package diagnose

var protocolRules = []rule{}
