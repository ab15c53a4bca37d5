package diagnose

var mediaRules = []rule{}
