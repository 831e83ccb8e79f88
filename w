{
    "schema": 1,
    "boot": "f5d61e20-5eab-40ab-84eb-ae50dc3e2d35",
    "netns": "net:[4026534449]"
}
