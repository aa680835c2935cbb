"""What modules of cases share."""


def cases(group, *templates, **variables):
    """Small templates, one construct or a few each, that share their variables."""
    return group, variables, templates


DATA = dict(
    s="Hello World", e="", n=7, z=0, f=2.5, t=True, fl=False, nil=None,
    l=[3, 1, 2], el=[], d={"a": 1, "b": [1, {"c": None}], "items": "shadow", "get": "g"}, ed={},
    words=["pear", "Apple", "fig"], u="äÖß😀漢", sp="  a b\t c \n",
    ms=[{"role": "user", "n": 2, "f": {"name": "x"}}, {"role": "tool", "n": 1, "f": {"name": "y"}}, {"role": "user", "n": 3}],
)
