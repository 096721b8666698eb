from console.browsing import Visitor
from receiver.conftest import Receiver
from receiver.payloads import alert, at

PATHS = ("/", "/history", "/remediations", "/controls")

def test_every_page_is_there(receiver: Receiver) -> None:
    receiver.deliver(alert())
    episode = receiver.episodes()[0]
    row = episode["remediations"][0]["id"]
    ada = Visitor(receiver)
    for path in (*PATHS, f"/episodes/{episode['id']}", f"/remediations/{row}"):
        print(path, ada.read(path))
    assert 0
