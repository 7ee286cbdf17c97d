"""`frontend serve`, `migrate` and what operators do: people, organisations, tokens, links, keys."""

import argparse
import sys

from gevent import monkey


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args()
    if arguments.command == "serve":
        monkey.patch_all()
    # Everything below is imported late, because gevent has to patch the standard library before others use it.
    from frontend import commands  # noqa: PLC0415
    from frontend.settings import Settings  # noqa: PLC0415
    from shared import logs  # noqa: PLC0415
    from shared.key_file import rotate_by_command  # noqa: PLC0415
    from shared.settings import load  # noqa: PLC0415

    settings = load(Settings)
    logs.configure("frontend", level=settings.log_level, log_format=settings.log_format)
    with commands.clear_problems():
        match arguments.command:
            case "serve":
                commands.run_server(settings, arguments.http)
            case "migrate":
                commands.migrate(settings)
            case "token":
                print(commands.make_token(settings, arguments.lifetime_s))
            case "add-person":
                member = {name: getattr(arguments, name) for name in ("email", "name", "role")}
                print(commands.add_member(settings, **member))
            case "rotate-key":
                print(rotate_by_command(settings.key_file, arguments.published_before_s))
            case "client-secret":
                print(commands.new_client_secret())
            case "forget-second-factor":
                print(commands.forget_second_factor(settings, arguments.email))
            case "tenants":
                print(commands.list_organisations(settings))
            case "set-tier":
                print(commands.set_organisation_tier(settings, arguments.tenant, arguments.tier))
            case "purge":
                print(commands.purge_outdated(settings))
            case _:
                print(commands.make_sign_in_link(settings, arguments.email))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="frontend", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer browsers")
    serve.add_argument("--http", default="127.0.0.1:8080", metavar="HOST:PORT")
    commands.add_parser("migrate", help="bring the database to this version's tables")
    token = commands.add_parser("token", help="print a bearer token for the orchestrator's API")
    token.add_argument("--lifetime-s", type=int, default=3_600, metavar="SECONDS")
    link = commands.add_parser("sign-in-link", help="print a link that signs in once")
    link.add_argument("--email", help="of whom; the owner unless given")
    person = commands.add_parser(
        "add-person", help="add somebody to the owner's organisation and print their sign-in link"
    )
    person.add_argument("--email", required=True)
    person.add_argument("--name", required=True)
    person.add_argument("--role", required=True, choices=("member", "support", "admin"))
    key = commands.add_parser(
        "rotate-key", help="add a signing key, to sign when everybody knows it"
    )
    key.add_argument("--published-before-s", type=int, default=3_600, metavar="SECONDS")
    commands.add_parser("client-secret", help="make a secret for an agent of FRONTEND_CLIENTS")
    forget = commands.add_parser(
        "forget-second-factor", help="no longer ask somebody for codes, who lost what makes them"
    )
    forget.add_argument("--email", required=True)
    commands.add_parser("tenants", help="list the organisations with their ids and tiers")
    tier = commands.add_parser("set-tier", help="put an organisation on a tier")
    tier.add_argument("--tenant", required=True, metavar="ID")
    tier.add_argument("--tier", required=True, choices=("free", "paid"))
    commands.add_parser(
        "purge", help="delete at once what the server deletes every hour: what is past its time"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
